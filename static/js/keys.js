// Shortcuts for who keeps the hands on the keyboard: / n u j k g i ?. Never while somebody types.
const help = document.getElementById("keys");
const opener = document.getElementById("show-keys");
const STEPS = ".incident-card h3 a, .row-title, .event-link";
let waitingForG = false;

function step(direction) {
  const stops = [...document.querySelectorAll(STEPS)];
  if (!stops.length) return;
  const at = stops.indexOf(document.activeElement);
  const next = at < 0 ? (direction > 0 ? 0 : stops.length - 1) : at + direction;
  const stop = stops[Math.min(Math.max(next, 0), stops.length - 1)];
  stop.focus();
  stop.scrollIntoView({ block: "nearest" });
}

const KEYS = {
  "/": () => document.getElementById("search")?.focus(),
  n: () => document.querySelector(".top-declare")?.click(),
  u: () => document.getElementById("update-message")?.focus(),
  j: () => step(1),
  k: () => step(-1),
  "?": () => help.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.id === "search") event.target.blur();
  const typing = event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (waitingForG && event.key === "i") document.querySelector(".brand").click();
  waitingForG = event.key === "g";
  if (!help || !(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
});

if (opener) {
  opener.hidden = false;
  opener.addEventListener("click", () => help.showModal());
  document.getElementById("close-keys").addEventListener("click", () => help.close());
}

// Who signs out leaves no draft behind (see forms.js).
document.querySelector(".sign-out")?.addEventListener("submit", () => sessionStorage.clear());

// What takes longer than 0.3 s says so: a form sent, a link followed, a part of the page renewed.
const line = document.getElementById("progress");
let timer;
const begin = () => {
  clearTimeout(timer);
  timer = setTimeout(() => (line.hidden = false), 300);
};
const end = () => {
  clearTimeout(timer);
  line.hidden = true;
};
window.addEventListener("submit", begin);
window.addEventListener("beforeunload", (event) => {
  begin();
  // Who is asked whether to leave what they have not saved (forms.js) may stay.
  setTimeout(() => event.defaultPrevented && setTimeout(end, 1_000));
});
window.addEventListener("pageshow", end);
document.addEventListener("htmx:beforeSend", (event) => event.target.id !== "live" && begin());
document.addEventListener("htmx:afterRequest", end);
