// Long timelines: a link to an event that is not on this page fetches the page it is on, and after
// "Show earlier" the keyboard goes on where the earlier events are.
function follow() {
  const wanted = /^#event-(\d{1,9})$/.exec(window.location.hash);
  const url = new URL(window.location);
  if (!wanted || document.getElementById(wanted[0].slice(1)) || url.searchParams.has("event")) return;
  url.search = `?event=${wanted[1]}`;
  window.location.replace(url);
}

follow();
window.addEventListener("hashchange", follow);

let last = null;
document.addEventListener("htmx:beforeSwap", (event) => {
  last = event.detail.target.id === "earlier" ? event.detail.target.nextElementSibling : null;
});
document.addEventListener("htmx:afterSettle", () => {
  if (!last) return;
  last.previousElementSibling.querySelector(".event-link")?.focus();
  last = null;
});
