// The cards keep themselves up to date: the list is asked for with the ETag it had. Only cards that
// changed are replaced, what one reads stays where it is on the screen, and the focus stays too.
import { keepUp } from "./news.js";
import { holdPlace } from "./place.js";

const live = document.getElementById("live");

if (live) {
  keepUp(live);
  live.addEventListener("htmx:beforeSwap", (event) => {
    event.detail.shouldSwap = false;
    const { xhr } = event.detail;
    if (xhr.status !== 200) return;
    const page = new DOMParser().parseFromString(xhr.responseText, "text/html");
    if (!page.getElementById("open-heading")) return; // somebody else answered
    live.dataset.etag = xhr.getResponseHeader("ETag");
    const settle = holdPlace(".incident-card, .row-item, #list-heading");
    renew(page.body);
    settle();
    document.dispatchEvent(new CustomEvent("htmx:afterSwap")); // the times are shown in the reader's zone
  });
}

function renew(now) {
  const focused = live.contains(document.activeElement) ? document.activeElement.id : "";
  const news = tidings(cardsOf(live), cardsOf(now));
  const [list, listNow] = [live.querySelector("#cards"), now.querySelector("#cards")];
  if (list && listNow) {
    const old = new Map([...list.children].map((card) => [card.id, card]));
    const next = [...listNow.children].map((card) => {
      const before = old.get(card.id);
      return before && before.dataset.version === card.dataset.version && !dueChanged(before, card) ? before : card;
    });
    for (const card of old.values()) if (!next.includes(card)) card.remove();
    next.forEach((card, place) => {
      if (list.children[place] !== card) list.insertBefore(card, list.children[place] ?? null);
    });
    for (const id of ["open-heading", "open-more"]) document.getElementById(id).replaceWith(now.querySelector(`#${id}`));
  } else {
    live.replaceChildren(...now.children);
  }
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus({ preventScroll: true });
  if (news) document.getElementById("news").textContent = news;
}

const cardsOf = (root) => new Map([...root.querySelectorAll(".incident-card")].map((card) => [card.id, card]));
const words = (card, selector) => card.querySelector(selector)?.textContent.trim() ?? "";
const dueChanged = (before, card) => before.querySelector("[data-due]")?.dataset.due !== card.querySelector("[data-due]")?.dataset.due;

// What a screen reader says: what came, what went, what moved on.
function tidings(before, now) {
  const said = [];
  for (const [id, card] of now) {
    const known = before.get(id);
    const name = `${words(card, ".reference")} ${words(card, "h3")}`;
    const state = `${words(card, ".severity")}, ${words(card, ".status")}`;
    if (!known) said.push(`New: ${state}, ${name}`);
    else if (state !== `${words(known, ".severity")}, ${words(known, ".status")}`) said.push(`${name} is now ${state}`);
    else if (words(card, ".last-update") !== words(known, ".last-update")) said.push(`Update of ${name}: ${words(card, ".last-update")}`);
  }
  for (const [id, card] of before) if (!now.has(id)) said.push(`${words(card, ".reference")} is not open any more`);
  return said.join(". ");
}

// The address of a filter names only what is filtered, and the days are those of the reader.
const form = document.getElementById("filter-form");
if (form) {
  const zone = form.elements.zone;
  const shown = document.getElementById("filter-zone");
  if (!("own" in zone.dataset) && !zone.value) {
    shown.textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
  }
  form.addEventListener("submit", () => {
    const dated = form.elements.from.value || form.elements.to.value;
    if (!("own" in zone.dataset)) zone.value = dated && shown.textContent !== "UTC" ? shown.textContent : "";
    for (const field of form.elements) field.disabled = field.name && !field.value;
  });
  // Come back by the browser's button: the fields say what the address does, not what was typed last.
  window.addEventListener("pageshow", () => {
    for (const field of form.elements) field.disabled = false;
    form.reset();
  });
}
