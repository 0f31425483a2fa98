// The incident page keeps itself up to date: it asks with the ETag it has for what came after the
// newest event it shows, adds that below the others, says it aloud, and renews the forms only while
// nobody is typing in them.
import { keepUp } from "./news.js";
import { holdPlace } from "./place.js";

const READ = "#live section, #actions .panel, #timeline-heading, .timeline .event";
const live = document.getElementById("live");

if (live) {
  const actions = document.getElementById("actions");
  const timeline = document.querySelector(".timeline");
  const number = (event) => Number(event.id.replace("event-", ""));
  let told = Number(timeline.dataset.told); // the newest event there is, shown on this page or not
  let open = [];
  let focused = null;
  let settle = () => {};

  keepUp(live);
  live.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.elt === live) event.detail.parameters.after = told;
  });
  live.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.elt !== live) return;
    const { xhr } = event.detail;
    const isOurs = xhr.status === 200 && xhr.responseText.includes('id="incident-title"');
    event.detail.shouldSwap = isOurs; // else nothing is new, or somebody else answered
    if (!isOurs) return;
    open = [...live.querySelectorAll("details[open]")].map((details) => details.id);
    focused = live.contains(document.activeElement) ? document.activeElement : null;
    settle = holdPlace(READ);
  });
  live.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.elt !== live) return;
    live.dataset.etag = event.detail.xhr.getResponseHeader("ETag");
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    const again = focused && sameAs(focused);
    if (again && document.activeElement !== again) again.focus({ preventScroll: true });
    settle();
  });
  document.getElementById("timeline").addEventListener("htmx:oobBeforeSwap", (event) => {
    event.detail.shouldSwap = false; // events never change: what somebody reads or selects stays in place
    const now = event.detail.fragment.querySelector(".timeline");
    const events = [...now.querySelectorAll(".event")].filter((one) => number(one) > told);
    if (events.length) {
      told = number(events.at(-1));
      if ("newest" in timeline.dataset) show(events);
      announce(events);
    }
    if (now.dataset.version !== timeline.dataset.version) renewForms(events);
    timeline.dataset.version = now.dataset.version;
  });

  // Links in what people wrote have no name of their own.
  function sameAs({ id, href }) {
    if (id) return document.getElementById(id);
    return [...live.querySelectorAll("a")].find((link) => link.href === href);
  }

  function show(events) {
    timeline.append(...events);
    document.getElementById("no-events")?.remove();
  }

  const headOf = (event) => event.querySelector(".event-head").textContent.trim();

  function announce(events) {
    document.getElementById("news").textContent = `New: ${events.map(headOf).join(", ")}`;
  }

  function isChanged(field) {
    if (field.tagName !== "SELECT") return field.value !== field.defaultValue;
    const first = [...field.options].findIndex((option) => option.defaultSelected);
    return field.selectedIndex !== Math.max(first, 0);
  }

  let meanwhile = [];

  function renewForms(events) {
    const typing = [...actions.querySelectorAll("textarea, input:not([type=hidden]), select")].some(isChanged);
    if (typing || actions.contains(document.activeElement)) {
      meanwhile.push(...events.map(headOf));
      document.getElementById("stale-what").textContent = meanwhile.length ? `: ${meanwhile.slice(-3).join("; ")}` : "";
      document.getElementById("stale").hidden = false;
    } else {
      meanwhile = [];
      window.htmx.trigger(actions, "incident-changed");
    }
  }

  // What was unfolded stays so.
  let unfolded = [];
  actions.addEventListener("htmx:beforeSwap", () => {
    unfolded = [...actions.querySelectorAll("details[open]")].map((details) => details.id);
    settle = holdPlace(READ);
  });
  actions.addEventListener("htmx:afterSwap", () => {
    for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
    settle();
  });
}
