// The drawer "Faults & calls": opened, closed, and read anew while it is open.

import { ask } from "./api.js";
import { callTable, requestTable } from "./calls.js";
import { confirmed } from "./confirm.js";
import { $, el } from "./dom.js";
import { faultForm, faultList, presets } from "./faults.js";
import { look, onLook } from "./state.js";
import { tellTrouble } from "./trouble.js";

const LAST = 100;
let reading = false;
let readAgain = false;

export function startDrawer() {
  $("open-drawer").addEventListener("click", () => show($("drawer").hidden));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && $("drawer").contains(document.activeElement)) show(false);
  });
  onLook((data) => {
    const label = data.faults ? `Faults & calls (${data.faults} on)` : "Faults & calls";
    if ($("open-drawer").textContent !== label) $("open-drawer").textContent = label;
    $("open-drawer").classList.toggle("button-danger", data.faults > 0);
    if (!$("drawer").hidden) read();
  });
}

async function show(open) {
  if (open && !$("drawer").childElementCount) await build();
  $("drawer").hidden = !open;
  $("app").classList.toggle("with-drawer", open);
  $("open-drawer").setAttribute("aria-expanded", String(open));
  if (open) {
    $("drawer-close").focus();
    read();
  } else {
    $("open-drawer").focus();
  }
}

async function build() {
  const { kinds } = await ask("/sandbox/faults");
  const close = el("button", { id: "drawer-close", class: "button button-icon", type: "button", "aria-label": "Close", on: { click: () => show(false) } }, "×");
  $("drawer").append(
    el("header", { class: "drawer-head" }, el("h2", {}, "Faults & calls"), close),
    el("div", { class: "drawer-body", tabindex: "0", role: "region", "aria-label": "Faults, calls and requests" },
      el("h3", {}, "Make the app's calls go wrong"),
      presets(deed),
      el("div", { id: "faults", class: "faults" }),
      el("details", { class: "own-fault" }, el("summary", {}, "Another fault …"), faultForm(kinds, deed)),
      el("h3", {}, "Calls of the app ", clearButton("calls")),
      el("div", { id: "calls" }),
      el("h3", {}, "Sent to the app ", clearButton("requests")),
      el("div", { id: "requests" }),
      el("h3", {}, "Start afresh"),
      el("p", {}, "Takes away every message and channel, what is on the status page, the faults and the logs, for everybody."),
      el("button", { class: "button button-danger", type: "button", on: { click: reset } }, "Reset workspace")),
  );
}

function clearButton(log) {
  return el("button", { class: "button button-small", type: "button", on: { click: () => deed(`/sandbox/${log}`, "DELETE") } },
    "Clear", el("span", { class: "hidden" }, ` the log of ${log}`));
}

/** Do something to the sandbox and look; returns what went wrong, or "". */
async function deed(path, method, body) {
  try {
    await ask(path, method, body);
    await look();
    await read();
    return "";
  } catch (error) {
    tellTrouble(error.message);
    return error.message;
  }
}

async function reset() {
  const plain = (text) => ({ type: "plain_text", text });
  const sure = await confirmed({
    title: plain("Reset the workspace?"),
    text: plain("Every message and channel goes, and every incident on the status page. The app keeps its own data: its incidents stay."),
    confirm: plain("Reset"), deny: plain("Cancel"), style: "danger",
  });
  if (sure) await deed("/sandbox/reset", "POST");
}

async function read() {
  readAgain = true;
  if (reading) return;
  reading = true;
  try {
    while (readAgain) {
      readAgain = false;
      const [faults, calls, requests] = await Promise.all([
        ask("/sandbox/faults"), ask(`/sandbox/calls?last=${LAST}`), ask(`/sandbox/requests?last=${LAST}`),
      ]);
      faultList($("faults"), faults.faults, deed);
      callTable($("calls"), calls.calls);
      requestTable($("requests"), requests.requests);
    }
  } catch (error) {
    tellTrouble(error.message);
  } finally {
    reading = false;
  }
}
