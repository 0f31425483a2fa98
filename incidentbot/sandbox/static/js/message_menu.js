// What one may do with a message: react, answer, pin.

import { act } from "./api.js";
import { replyTo } from "./composer.js";
import { el } from "./dom.js";
import { emoji, PICKED } from "./emoji.js";
import { openMenu } from "./menu.js";
import { react } from "./messages.js";
import { look, state } from "./state.js";
import { tellTrouble } from "./trouble.js";

/** Open the menu of a message under `anchor`. */
export function openMessageMenu(anchor, message, channel) {
  const pinned = Boolean(message.pinned_to);
  openMenu(
    anchor,
    [
      { label: "Reply in thread", run: () => replyTo(message) },
      { label: pinned ? "Unpin from channel" : "Pin to channel", run: () => pin(message, channel, pinned) },
    ],
    [picker(message, channel)],
  );
}

function picker(message, channel) {
  return el("div", { class: "picker", role: "group", "aria-label": "React" }, ...PICKED.map((name) => {
    const mine = message.reactions?.some((r) => r.name === name && r.users.includes(state.as)) ?? false;
    return el("button",
      { class: "picked", type: "button", role: "menuitem", "aria-label": name.replaceAll("_", " "), title: `:${name}:`, on: { click: () => react(message, channel, name, mine) } },
      emoji(name));
  }));
}

async function pin(message, channel, remove) {
  try {
    await act("pin", { user: state.as, channel, ts: message.ts, remove });
    await look();
  } catch (error) {
    tellTrouble(error.message);
  }
}
