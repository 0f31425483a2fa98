// The cards keep themselves up to date: the list is asked for with the ETag it had. Only cards that
// changed are replaced, what one reads stays where it is on the screen, and the focus stays too.
const live = document.getElementById("live");

if (live) {
  live.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden) event.preventDefault(); // nobody looks
  });
  live.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["If-None-Match"] = live.dataset.etag;
  });
  live.addEventListener("htmx:beforeSwap", (event) => {
    event.detail.shouldSwap = false;
    const { xhr } = event.detail;
    if (xhr.status !== 200) return;
    const page = new DOMParser().parseFromString(xhr.responseText, "text/html");
    if (!page.getElementById("open-heading")) return; // somebody else answered
    live.dataset.etag = xhr.getResponseHeader("ETag");
    keepPlace(() => renew(page.body));
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
    live.querySelector("#open-heading").replaceWith(now.querySelector("#open-heading"));
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

// Keep the first card or row on the screen at its place, whatever is put in or taken out above it.
function keepPlace(change) {
  const marks = [...document.querySelectorAll(".incident-card, .row-item, #list-heading")];
  const mark = scrollY > 0 && marks.find((element) => element.getBoundingClientRect().bottom > 0);
  const [id, top] = mark ? [mark.id, mark.getBoundingClientRect().top] : ["", 0];
  change();
  const same = mark && (mark.isConnected ? mark : document.getElementById(id));
  if (same) scrollBy({ top: same.getBoundingClientRect().top - top, behavior: "instant" });
}

// When the next update is due, in words that go on by themselves.
function inWords(seconds) {
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60];
  if (days) return hours ? `${days} d ${hours} h` : `${days} d`;
  if (hours) return minutes ? `${hours} h ${minutes} min` : `${hours} h`;
  return minutes ? `${minutes} min` : `${Math.floor(seconds)} s`;
}

function showDue() {
  for (const element of document.querySelectorAll("[data-due]")) {
    const left = (new Date(element.dataset.due) - Date.now()) / 1000;
    element.classList.toggle("due-over", left < 0);
    element.textContent = left < 0 ? `update overdue by ${inWords(-left)}` : `update due in ${inWords(left)}`;
  }
}

showDue();
setInterval(showDue, 30_000);
document.addEventListener("htmx:afterSwap", showDue);

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
