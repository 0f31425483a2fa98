// The app's home tab, as the app has published it for this person.

import { act } from "./api.js";
import { drawBlock } from "./blocks.js";
import { $, reconcile } from "./dom.js";
import { inputBlock, valuesIn } from "./form.js";
import { look, onLook, state } from "./state.js";
import { tellTrouble } from "./trouble.js";

let home = null;

export function startHome() {
  onLook(draw);
}

function draw(data, { moved }) {
  const shown = state.tab === "home" && data.channel.with === data.bot;
  $("home").hidden = !shown;
  $("scroller").hidden = shown;
  if (!shown) return;
  home = data.home;
  const blocks = home?.blocks ?? [NOTHING];
  reconcile($("home"), blocks, (block) => block.block_id, (block) => drawBlock(block, surface));
  if (moved) act("home", { user: state.as }).catch((error) => tellTrouble(error.message));
}

const NOTHING = {
  type: "context",
  block_id: "nothing",
  elements: [{ type: "plain_text", text: "The app has published no home for you yet." }],
};

const surface = {
  heading: "h2",
  get state() {
    return home?.state.values;
  },
  press,
  input: (block) => inputBlock(block, { state: home.state.values, dispatch: press }),
};

async function press(block, element, value) {
  try {
    await act("action", {
      user: state.as, view_id: home.id, block_id: block.block_id, action_id: element.action_id, value,
      values: valuesIn($("home")),
    });
    await look();
  } catch (error) {
    tellTrouble(error.message);
  }
}
