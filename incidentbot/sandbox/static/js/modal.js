// The modal the app has opened for this person: drawn, updated in place, submitted, closed.

import { act } from "./api.js";
import { drawBlock } from "./blocks.js";
import { $, el, reconcile } from "./dom.js";
import { firstField, inputBlock, putBack, showErrors, typesIn, valuesIn } from "./form.js";
import { words } from "./mrkdwn.js";
import { look, onLook, state } from "./state.js";

let view = null;

export function startModal() {
  onLook(draw);
  const dialog = $("modal");
  dialog.addEventListener("cancel", (event) => {
    if (!event.cancelable) return; // the browser closes it all the same: see below
    event.preventDefault(); // the sandbox closes it; the app may want to hear of it
    dismiss(false);
  });
  dialog.addEventListener("close", () => {
    if (view && !dialog.open) dismiss(false);
  });
}

function draw(data) {
  const dialog = $("modal");
  if (!data.view) {
    view = null;
    if (dialog.open) dialog.close();
    return;
  }
  const isNew = view?.id !== data.view.id;
  const changed = isNew || view.hash !== data.view.hash;
  view = data.view;
  if (isNew) build(dialog);
  if (changed) fill();
  if (!dialog.open) dialog.showModal();
  if (isNew) (firstField(dialog) ?? $("modal-close")).focus();
}

function build(dialog) {
  const form = el("form", { class: "modal-form", novalidate: true },
    el("header", { class: "dialog-head" },
      el("h2", { id: "modal-title" }),
      el("button", { id: "modal-close", class: "button button-icon", type: "button", "aria-label": "Close", on: { click: () => dismiss(true) } }, "×")),
    el("p", { id: "modal-problem", class: "modal-problem", role: "alert", hidden: true }),
    el("div", { id: "modal-blocks", class: "dialog-body", tabindex: "0", role: "group", "aria-labelledby": "modal-title" }),
    el("footer", { id: "modal-foot", class: "dialog-foot" }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  dialog.replaceChildren(form);
}

function fill() {
  const blocks = $("modal-blocks");
  const typed = valuesIn(blocks);
  const types = typesIn(blocks);
  $("modal-title").textContent = words(view.title);
  reconcile(blocks, view.blocks, (block) => block.block_id, (block) => drawBlock(block, surface));
  putBack(blocks, typed, types);
  const close = el("button", { class: "button", type: "button", on: { click: () => dismiss(false) } },
    words(view.close) || (view.submit ? "Cancel" : "Close"));
  const send = view.submit && el("button",
    { id: "modal-submit", class: "button button-primary", type: "submit", disabled: view.submit_disabled },
    words(view.submit));
  $("modal-foot").replaceChildren(...(view.submit ? [close, send] : [close]));
  tell("");
}

const surface = {
  get state() {
    return view.state.values;
  },
  press,
  input: (block) => inputBlock(block, { state: view.state.values, dispatch: press }),
};

/** Use an element that acts at once; what was typed so far goes with it. */
function press(block, element, value) {
  return reach("action", {
    block_id: block.block_id, action_id: element.action_id, value, values: valuesIn($("modal-blocks")),
  });
}

async function submit() {
  const button = $("modal-submit");
  if (!button || button.disabled) return;
  button.disabled = true;
  $("modal").setAttribute("aria-busy", "true");
  const asked = view;
  try {
    const errors = await reach("submit", { values: valuesIn($("modal-blocks")) });
    if (view?.id === asked.id) showErrors($("modal-blocks"), errors);
  } finally {
    $("modal").removeAttribute("aria-busy");
    button.disabled = Boolean(view?.submit_disabled);
  }
}

/** Esc and Cancel close the modal on top; the cross closes those under it too. */
function dismiss(everything) {
  return reach("close", { all: everything });
}

/** Act on the view and look; returns the field errors. Trouble is told in the modal. */
async function reach(what, more) {
  let answer;
  try {
    answer = await act(what, { user: state.as, view_id: view.id, ...more });
  } catch (error) {
    tell(error.message);
    return {};
  }
  await look();
  if (answer.error) tell(`We had some trouble connecting. Try again? (${answer.error})`);
  return answer.errors ?? {};
}

function tell(text) {
  const problem = $("modal-problem");
  if (!problem) return;
  problem.textContent = text;
  problem.hidden = !text;
}
