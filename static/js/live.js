// The incident page keeps itself up to date: it asks with the ETag it has, adds the new events below
// the others, says them aloud, and renews the forms only while nobody is typing in them.
const live = document.getElementById("live");

if (live) {
  const actions = document.getElementById("actions");
  const timeline = document.querySelector(".timeline");

  live.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden) event.preventDefault(); // nobody looks
  });
  live.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.elt === live) event.detail.headers["If-None-Match"] = live.dataset.etag;
  });
  live.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status === 304) event.detail.shouldSwap = false;
  });
  live.addEventListener("htmx:afterSwap", (event) => {
    live.dataset.etag = event.detail.xhr.getResponseHeader("ETag");
  });
  document.getElementById("timeline").addEventListener("htmx:oobBeforeSwap", (event) => {
    event.detail.shouldSwap = false; // events never change: what somebody reads or selects stays in place
    const now = event.detail.fragment.querySelector(".timeline");
    const events = [...now.children].slice(timeline.children.length);
    timeline.append(...events);
    if (events.length) announce(events);
    if (now.dataset.version !== timeline.dataset.version) renewForms();
    timeline.dataset.version = now.dataset.version;
  });

  function announce(events) {
    document.getElementById("news").textContent =
      "New: " + events.map((event) => event.querySelector(".event-head").textContent).join(", ");
  }

  function renewForms() {
    const typing = [...actions.querySelectorAll("textarea")].some((field) => field.value !== field.defaultValue);
    if (typing || actions.contains(document.activeElement)) {
      document.getElementById("stale").hidden = false;
    } else {
      window.htmx.trigger(actions, "incident-changed");
    }
  }
}
