// Block Kit's interactive elements in messages, modals and the app home: what acts at once.

import { confirmed } from "./confirm.js";
import { el, safeAddress } from "./dom.js";
import { control, readControl } from "./inputs.js";
import { words } from "./mrkdwn.js";
import { openMenu } from "./menu.js";

/**
 * One interactive element. `press(block, element, value)` tells the sandbox; it returns a promise.
 * `state` is the element's state as the sandbox keeps it.
 */
export function interactive(block, element, press, state) {
  const key = `${block.block_id}/${element.action_id}`;
  if (element.type === "button") return button(block, element, press, key);
  if (element.type === "overflow") return overflow(block, element, press, key);
  const node = control(element, { id: null, key, label: nameOf(element), state });
  node.addEventListener("change", () => {
    run(node, element, () => press(block, element, readControl(node, element)));
  });
  return node;
}

function nameOf(element) {
  return words(element.placeholder) || element.action_id.replaceAll("_", " ");
}

function button(block, element, press, key) {
  const style = element.style ? ` button-${element.style}` : "";
  const url = element.url ? safeAddress(element.url) : "";
  const node = el(
    url ? "a" : "button",
    {
      class: `button${style}`,
      "data-key": key,
      "aria-label": element.accessibility_label,
      ...(url
        ? { href: url, target: "_blank", rel: "noopener noreferrer" }
        : { type: "button" }),
    },
    words(element.text),
  );
  node.addEventListener("click", () => run(node, element, () => press(block, element, element.value)));
  return node;
}

function overflow(block, element, press, key) {
  const node = el("button",
    { class: "button button-icon", type: "button", "data-key": key, "aria-label": "More actions", "aria-haspopup": "menu" },
    "⋯");
  node.addEventListener("click", () => {
    openMenu(node, element.options.map((option) => ({
      label: words(option.text),
      url: option.url ? safeAddress(option.url) : "",
      run: () => run(node, element, () => press(block, element, option.value)),
    })));
  });
  return node;
}

async function run(node, element, press) {
  if (node.getAttribute("aria-busy") === "true") return;
  if (element.confirm && !(await confirmed(element.confirm))) return;
  node.setAttribute("aria-busy", "true");
  try {
    await press();
  } finally {
    node.removeAttribute("aria-busy");
  }
}
