// The line that says what went wrong, and whether the page still hears from the sandbox.

import { $ } from "./dom.js";

const SHOWN_MS = 8_000;
let timer = 0;

/** Say what went wrong, for a while. */
export function tellTrouble(words) {
  clearTimeout(timer);
  $("trouble").textContent = words;
  timer = setTimeout(() => tellTrouble(""), SHOWN_MS);
}

/** Say that the sandbox is gone, until it is back. */
export function tellConnection(connected) {
  clearTimeout(timer);
  $("trouble").textContent = connected ? "" : "The sandbox does not answer. This page waits for it …";
}
