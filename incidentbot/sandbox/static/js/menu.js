// One small menu at a time, under the button that opens it.

import { $, el } from "./dom.js";

const MARGIN = 8;
const menu = $("menu");

/** Open a menu of `{ label, run, url }` under `anchor`; `above` are more elements at its top. */
export function openMenu(anchor, entries, above = []) {
  // What lies outside an open dialog cannot be clicked.
  (anchor.closest("dialog") ?? $("place")).append(menu);
  const close = () => {
    menu.hidePopover();
    anchor.focus();
  };
  const nodes = entries.map((entry) => entryNode(entry, close));
  menu.replaceChildren(...above, ...nodes);
  for (const node of above) node.addEventListener("click", close);
  menu.showPopover();
  place(anchor);
  anchor.setAttribute("aria-expanded", "true");
  menu.addEventListener("toggle", () => anchor.setAttribute("aria-expanded", "false"), { once: true });
  menu.querySelector("button, a")?.focus();
}

function entryNode(entry, close) {
  const choose = () => {
    close();
    entry.run();
  };
  const attributes = { class: "menu-entry", role: "menuitem", on: { click: choose } };
  return entry.url
    ? el("a", { ...attributes, href: entry.url, target: "_blank", rel: "noopener noreferrer" }, entry.label)
    : el("button", { ...attributes, type: "button" }, entry.label);
}

function place(anchor) {
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = at.bottom + height + MARGIN < innerHeight;
  const left = Math.min(Math.max(MARGIN, at.right - width), innerWidth - width - MARGIN);
  menu.style.left = `${Math.max(MARGIN, left)}px`;
  menu.style.top = `${below ? at.bottom + 4 : Math.max(MARGIN, at.top - height - 4)}px`;
}

/** Arrow keys walk through the menu. */
export function startMenu() {
  menu.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [...menu.querySelectorAll("button, a")];
    const next = all.indexOf(document.activeElement) + step;
    all[(next + all.length) % all.length]?.focus();
  });
}
