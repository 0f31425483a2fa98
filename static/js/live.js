// The incident page keeps itself up to date: it asks with the ETag it has, says aloud what is new,
// and renews the forms only while nobody is typing in them.
const live = document.getElementById("live");

if (live) {
  const actions = document.getElementById("actions");
  const timeline = () => live.querySelector(".timeline");
  let version = timeline().dataset.version;
  let count = Number(timeline().dataset.events);

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
    const now = timeline().dataset;
    if (Number(now.events) > count) announce([...timeline().children].slice(count));
    if (now.version !== version) renewForms();
    count = Number(now.events);
    version = now.version;
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
