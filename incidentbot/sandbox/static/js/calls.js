// The two logs: what the app called, and what it was sent. Newest first.

import { el, reconcile } from "./dom.js";

/** The Web API calls. */
export function callTable(parent, calls) {
  table(parent, "Calls of the app, newest first", ["Time", "Method", "ms", "Status", "Outcome"], calls.map((call) => ({
    id: call.id,
    bad: Boolean(call.error) || (call.status ?? 200) >= 400,
    hint: Object.entries(call.arguments).map(([name, value]) => `${name}: ${value}`).join("\n"),
    cells: [clock(call.started), call.method, lasted(call), call.status ?? (call.ended ? "none" : "…"),
      [call.error, call.fault && `fault: ${call.fault}`].filter(Boolean).join(" · ") || (call.ended ? "ok" : "running")],
  })));
}

/** The requests to the app. */
export function requestTable(parent, requests) {
  table(parent, "Requests sent to the app, newest first", ["Time", "Kind", "ms", "Status", "Outcome"], requests.map((one) => ({
    id: one.id,
    bad: Boolean(one.error) || (one.status ?? 200) >= 400,
    hint: one.answer,
    cells: [clock(one.started), one.kind, lasted(one), one.status ?? (one.ended ? "none" : "…"),
      [one.error, one.retry && `retry ${one.retry}`].filter(Boolean).join(" · ") || (one.ended ? "ok" : "waiting")],
  })));
}

function table(parent, caption, heads, rows) {
  if (!rows.length) return parent.replaceChildren(el("p", { class: "empty" }, "Nothing yet."));
  if (!parent.querySelector("table")) {
    parent.replaceChildren(el("div", { class: "log-box", tabindex: "0", role: "region", "aria-label": caption },
      el("table", { class: "log-table" },
        el("caption", { class: "hidden" }, caption),
        el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))),
        el("tbody"))));
  }
  return reconcile(parent.querySelector("tbody"), rows.reverse(), (row) => row.id, drawRow);
}

function drawRow(row) {
  return el("tr", { class: row.bad ? "log-bad" : null, title: row.hint.slice(0, 600) }, ...row.cells.map((cell) => el("td", {}, String(cell))));
}

const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString("en-GB");
const lasted = (entry) => (entry.ended ? Math.round((entry.ended - entry.started) * 1000) : "…");
