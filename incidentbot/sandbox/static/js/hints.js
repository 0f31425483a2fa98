// The list of suggestions above the composer, and the keys that walk in it.

import { suggestions } from "./completion.js";
import { $, el } from "./dom.js";

let offer = { entries: [], from: 0, eager: false, usage: "" };
let active = -1;

export function startHints() {
  const write = $("write");
  for (const event of ["input", "click", "focus"]) write.addEventListener(event, refresh);
  write.addEventListener("blur", close);
}

/** Look again at what is typed. */
export function refresh() {
  const write = $("write");
  offer = suggestions(write.value.slice(0, write.selectionStart));
  active = offer.eager && offer.entries.length ? 0 : -1;
  draw();
}

export function close() {
  offer = { ...offer, entries: [] };
  active = -1;
  draw();
}

/** Do what a key does in the list; false when the list has no use for it. */
export function hintKey(event) {
  const count = offer.entries.length;
  if (!count) return false;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    active = (active + (event.key === "ArrowDown" ? 1 : active < 0 ? 0 : -1) + count) % count;
    draw();
  } else if (event.key === "Tab" && !event.shiftKey) {
    take(Math.max(active, 0));
  } else if (event.key === "Enter" && !event.shiftKey && active >= 0) {
    take(active);
  } else if (event.key === "Escape") {
    close();
  } else {
    return false;
  }
  return true;
}

function take(index) {
  const write = $("write");
  write.setRangeText(offer.entries[index].insert, offer.from, write.selectionStart, "end");
  write.focus();
  write.dispatchEvent(new Event("input"));
}

function draw() {
  const hints = $("hints");
  hints.hidden = offer.entries.length === 0;
  hints.replaceChildren(...offer.entries.map((entry, index) => el("div", {
    id: `hint-${index}`, class: "hint", role: "option", "aria-selected": String(index === active),
    // The composer keeps the focus, so that the list does not close before the click arrives.
    on: { mousedown: (event) => event.preventDefault(), click: () => take(index) },
  }, el("strong", {}, entry.label), el("span", {}, entry.note))));
  if (active >= 0) $("write").setAttribute("aria-activedescendant", `hint-${active}`);
  else $("write").removeAttribute("aria-activedescendant");
  hints.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  $("usage").textContent = offer.usage;
  $("usage").hidden = !offer.usage || !hints.hidden;
}
