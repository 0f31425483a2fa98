// The cards keep themselves up to date: the list is asked for with the ETag it had. Only cards that
// changed are replaced, what one reads stays where it is on the screen, and the focus stays too. While
// somebody is at the cards each keeps its place, so that nobody opens the wrong one: what is new is named
// beside the heading, and put where it belongs when they ask, leave, or have long been still.
import { keepUp } from "./news.js";
import { holdPlace, isSeen } from "./place.js";

const STILL = 120_000; // milliseconds: nobody is at the cards any more, or they hang on a wall
const ARRIVING = 2_000; // who comes from another tab has read nothing yet
const live = document.getElementById("live");

if (live) {
  let known = cardsOf(live);
  let newest = null; // the list as it is now, while the cards are not in its order
  let touched = Date.now();
  let cameBack = 0;

  keepUp(live);
  live.addEventListener("htmx:beforeSwap", (event) => {
    event.detail.shouldSwap = false;
    const { xhr } = event.detail;
    const inOrder = !isSomebodyAt();
    if (xhr.status === 304 && newest && inOrder) show(newest, true);
    if (xhr.status !== 200) return;
    const page = new DOMParser().parseFromString(xhr.responseText, "text/html");
    if (!page.getElementById("open-heading")) return; // somebody else answered
    live.dataset.etag = xhr.getResponseHeader("ETag");
    const news = tidings(known, cardsOf(page), gone(page));
    known = cardsOf(page);
    show(page, inOrder);
    if (news) document.getElementById("news").textContent = news;
  });
  for (const sign of ["pointermove", "pointerdown", "keydown", "scroll"]) {
    addEventListener(sign, () => (touched = Date.now()), { capture: true, passive: true });
  }
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) cameBack = Date.now(); // the answer to what is asked now is put in order
  });
  live.addEventListener("click", ({ target }) => {
    if (!target.closest("#open-news button")) return;
    const [first] = newcomers(newest);
    show(newest, true);
    document.querySelector(`#${first.id} h3 a`).focus();
  });

  function isSomebodyAt() {
    if (Date.now() - cameBack < ARRIVING || Date.now() - touched > STILL) return false;
    return [...live.querySelectorAll("#cards > li")].some(isSeen);
  }

  function show(now, inOrder) {
    const focused = live.contains(document.activeElement) ? document.activeElement.id : "";
    const settle = holdPlace("#cards > li, #list-heading, .row-item");
    const [list, listNow] = [live.querySelector("#cards"), now.querySelector("#cards")];
    newest = null;
    if (list && listNow) {
      if (inOrder) arrange(list, listNow);
      else if (!renew(list, listNow)) newest = now;
      for (const id of ["open-heading", "open-more"]) document.getElementById(id).replaceWith(now.getElementById(id).cloneNode(true));
      name(newest ? newcomers(newest) : []);
    } else {
      live.replaceChildren(...now.body.children);
    }
    if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus({ preventScroll: true });
    settle();
    document.dispatchEvent(new CustomEvent("htmx:afterSwap")); // the times are shown in the reader's zone
  }
}

function isChanged(before, now) {
  const due = (card) => card.querySelector("[data-due]")?.dataset.due;
  return before.dataset.version !== now.dataset.version || due(before) !== due(now);
}

function arrange(list, listNow) {
  const old = new Map([...list.children].map((card) => [card.id, card]));
  const next = [...listNow.children].map((card) => {
    const before = old.get(card.id);
    return before && !isChanged(before, card) ? before : card.cloneNode(true);
  });
  for (const card of old.values()) if (!next.includes(card)) card.remove();
  next.forEach((card, place) => {
    if (list.children[place] !== card) list.insertBefore(card, list.children[place] ?? null);
  });
}

// Says whether the cards are in the order of the list.
function renew(list, listNow) {
  const now = new Map([...listNow.children].map((card) => [card.id, card]));
  for (const card of [...list.children]) {
    const same = now.get(card.id);
    if (!same) close(card, gone(listNow.ownerDocument));
    else if (isChanged(card, same)) card.replaceWith(same.cloneNode(true));
  }
  const order = ({ children }) => [...children].map((card) => card.id).join();
  return order(list) === order(listNow);
}

// Nothing of the incident stays: the reader may just not see it any more.
function close(card, how) {
  if (!card.matches(".incident-card")) return; // it is already
  const over = document.createElement("li");
  over.id = card.id;
  over.className = "card-over";
  over.style.minHeight = `${card.offsetHeight}px`;
  over.textContent = `${words(card, ".reference")} ${how}`;
  over.tabIndex = -1;
  const wasAt = card.contains(document.activeElement);
  card.replaceWith(over);
  if (wasAt) over.focus({ preventScroll: true });
}

function newcomers(now) {
  return [...now.querySelectorAll(".incident-card")].filter(({ id }) => !document.getElementById(id));
}

function name(cards) {
  const line = document.getElementById("open-news");
  line.hidden = !cards.length;
  if (!cards.length) {
    line.firstElementChild.replaceChildren();
    return;
  }
  const [first] = cards;
  const severity = first.querySelector(".severity").cloneNode(true);
  const link = first.querySelector("h3 a").cloneNode(true);
  link.id = "open-news-link"; // the focus comes back to it
  link.dir = "auto";
  link.prepend(`${words(first, ".reference")} `);
  const button = document.createElement("button");
  button.className = "btn btn-outline-secondary btn-sm";
  button.textContent = "Show";
  button.id = "open-news-show";
  const others = cards.length > 1 ? [`+${cards.length - 1}`] : [];
  line.firstElementChild.replaceChildren("New ", severity, link, ...others, button);
}

// Where there are more than cards, one may only have been pushed off.
function gone(page) {
  return page.getElementById("open-more").hidden ? "is not open any more" : "is not among the first any more";
}

function cardsOf(root) {
  return new Map([...root.querySelectorAll(".incident-card")].map((card) => [card.id, card]));
}

function words(card, selector) {
  return card.querySelector(selector)?.textContent.trim() ?? "";
}

// What a screen reader says: what came, what went, what moved on.
function tidings(before, now, how) {
  const said = [];
  for (const [id, card] of now) {
    const known = before.get(id);
    const name = `${words(card, ".reference")} ${words(card, "h3")}`;
    const state = `${words(card, ".severity")}, ${words(card, ".status")}`;
    if (!known) said.push(`New: ${state}, ${name}`);
    else if (state !== `${words(known, ".severity")}, ${words(known, ".status")}`) said.push(`${name} is now ${state}`);
    else if (words(card, ".last-update") !== words(known, ".last-update")) said.push(`Update of ${name}: ${words(card, ".last-update")}`);
  }
  for (const [id, card] of before) if (!now.has(id)) said.push(`${words(card, ".reference")} ${how}`);
  return said.join(". ");
}
