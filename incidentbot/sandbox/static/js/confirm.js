// A question before something is done: Block Kit's `confirm` object, and the page's own.

import { $, el } from "./dom.js";
import { textObject, words } from "./mrkdwn.js";

/** Ask; true when the person says yes. */
export function confirmed({ title, text, confirm, deny, style }) {
  const dialog = $("confirm");
  return new Promise((resolve) => {
    const yes = el("button", { class: `button button-${style === "danger" ? "danger" : "primary"}`, value: "yes" },
      words(confirm) || "Yes");
    const no = el("button", { class: "button", value: "no", autofocus: true }, words(deny) || "Cancel");
    const said = el("div", { class: "dialog-body", id: "confirm-text" });
    said.append(textObject(text));
    dialog.replaceChildren(
      el("form", { method: "dialog" },
        el("header", { class: "dialog-head" }, el("h2", { id: "confirm-title" }, words(title))),
        said,
        el("footer", { class: "dialog-foot" }, no, yes)),
    );
    dialog.returnValue = "no";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });
}
