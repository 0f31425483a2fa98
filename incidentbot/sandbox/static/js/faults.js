// Faults on demand: those in force, the usual ones at a click, and a form for all others.

import { el, reconcile } from "./dom.js";

const PRESETS = [
  ["100 ms latency", { kind: "latency", ms: 100 }],
  ["2 s latency", { kind: "latency", ms: 2000 }],
  ["429 on every 3rd message", { kind: "rate_limited", method: "chat.postMessage", retry_after: 2, every: 3 }],
  ["500 before the effect, half of all", { kind: "server_error", probability: 0.5 }],
  ["500 after the effect, next 3", { kind: "server_error_after", count: 3 }],
  ["Hangs after posting, once", { kind: "hang", method: "chat.postMessage", count: 1 }],
  ["Token revoked", { kind: "token_revoked" }],
];
// kind -> its name, and what it does
const KINDS = {
  latency: ["Latency", "The answer takes that many milliseconds longer."],
  rate_limited: ["429 Too many requests", "No effect; Retry-After says when to try again."],
  server_error: ["500, no effect", "Slack fails before it has done anything."],
  server_error_after: ["500 after the effect", "Slack does it, and then says that it failed."],
  hang: ["Hangs after the effect", "Slack does it, then says nothing for that many milliseconds (60 s) and hangs up."],
  hang_before: ["Hangs, no effect", "Slack says nothing for that many milliseconds (60 s) and hangs up."],
  drop: ["Drops after the effect", "Slack does it, and the connection drops without an answer."],
  refuse: ["Drops, no effect", "The connection drops at once."],
  token_revoked: ["Token revoked", "Every call is answered token_revoked."],
  error: ["Slack error", "HTTP 200 with the error named below."],
};
const nameOf = (kind) => KINDS[kind]?.[0] ?? kind;
const METHODS = ["*", "chat.*", "chat.postMessage", "chat.update", "conversations.*", "conversations.create",
  "conversations.invite", "pins.add", "bookmarks.add", "views.*", "users.info"];

/** Buttons for what one mostly wants to try. */
export function presets(deed) {
  return el("div", { class: "presets" }, ...PRESETS.map(([label, fault]) =>
    el("button", { class: "button button-small", type: "button", on: { click: () => deed("/sandbox/faults", "POST", fault) } }, `+ ${label}`)));
}

/** The faults in force, each with its way out. */
export function faultList(parent, faults, deed) {
  const shown = faults.length ? faults : [{ id: "none" }];
  reconcile(parent, shown, (fault) => fault.id, (fault) => drawFault(fault, deed));
}

function drawFault(fault, deed) {
  if (fault.id === "none") return el("p", { class: "empty" }, "No faults: Slack is well.");
  const name = nameOf(fault.kind);
  const where = `${fault.service === "statuspage" ? "Statuspage: " : ""}${fault.method}`;
  return el("div", { class: "fault" },
    el("p", {}, el("strong", {}, name), ` on ${where}`, el("br"), el("small", {}, `${detail(fault)} · hit ${fault.hits} of ${fault.seen} calls`)),
    el("button",
      { class: "button button-small", type: "button", "data-key": fault.id, "aria-label": `Remove: ${name} on ${where}`, on: { click: () => deed(`/sandbox/faults/${fault.id}`, "DELETE") } },
      "Remove"));
}

function detail(fault) {
  const limits = [
    fault.ms ? `${fault.ms} ms` : "",
    fault.kind === "rate_limited" ? `Retry-After ${fault.retry_after} s` : "",
    fault.kind === "error" ? fault.error : "",
    fault.status ? `status ${fault.status}` : "",
    fault.count !== null ? `next ${fault.count}` : "",
    fault.every !== null ? `every ${fault.every}th` : "",
    fault.probability !== null ? `${Math.round(fault.probability * 100)} %` : "",
  ].filter(Boolean);
  return limits.join(", ") || "always";
}

/** The form for any fault of the `kinds` that the sandbox knows. */
export function faultForm(kinds, deed) {
  const field = (label, name, attributes) =>
    el("label", { class: "label" }, label, el("input", { class: "field", name, ...attributes }));
  const number = (label, name, step = "1", min = "0") => field(label, name, { type: "number", min, step });
  const select = el("select", { class: "field", name: "kind" },
    ...Object.keys(kinds).map((kind) => el("option", { value: kind }, nameOf(kind))));
  const explain = () => KINDS[select.value]?.[1] ?? kinds[select.value];
  const says = el("p", { class: "field-hint" }, explain());
  select.addEventListener("change", () => {
    says.textContent = explain();
  });
  const problem = el("p", { class: "field-error", role: "alert" });
  const form = el("form", { class: "fault-form" },
    el("label", { class: "label" }, "What happens", select), says,
    field("Method (a pattern, such as chat.*)", "method", { list: "methods", value: "*" }),
    el("datalist", { id: "methods" }, ...METHODS.map((value) => el("option", { value }))),
    el("div", { class: "fault-numbers" },
      number("Milliseconds", "ms"), number("Retry-After, s", "retry_after"),
      number("Only the next …", "count"), number("Only every …th", "every", "1", "1"),
      number("Share, 0 to 1", "probability", "0.01"), field("Slack error", "error", { placeholder: "internal_error" })),
    problem,
    el("button", { class: "button button-primary", type: "submit" }, "Add fault"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.textContent = await deed("/sandbox/faults", "POST", wish(new FormData(form)));
  });
  return form;
}

function wish(data) {
  const texts = ["kind", "method", "error"];
  return Object.fromEntries(
    [...data].filter(([, value]) => value !== "").map(([name, value]) => [name, texts.includes(name) ? value : Number(value)]),
  );
}
