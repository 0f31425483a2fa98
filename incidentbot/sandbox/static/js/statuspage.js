// Keeps the customers' view as it is now: when something has changed, the page is read anew.

import { listen } from "./live.js";

let reading = false;
let readAgain = false;

async function look() {
  readAgain = true;
  if (reading) return;
  reading = true;
  while (readAgain) {
    readAgain = false;
    await refresh();
  }
  reading = false;
}

async function refresh() {
  try {
    const answer = await fetch(location.href);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    const shown = document.querySelector("main");
    if (!fresh || fresh.innerHTML === shown.dataset.last) return;
    if (shown.dataset.last !== undefined || fresh.innerHTML !== shown.innerHTML) shown.replaceChildren(...fresh.cloneNode(true).childNodes);
    shown.dataset.last = fresh.innerHTML;
  } catch {
    // The sandbox has gone; what was last seen stays, and the next change is told when it is back.
  }
}

listen(look, () => {});
