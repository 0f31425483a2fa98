// Input blocks: label, control, hint, error. Keeps what is typed when the app changes the form.

import { el } from "./dom.js";
import { control, isGroup, readControl, writeControl } from "./inputs.js";
import { textObject } from "./mrkdwn.js";

const WARN_SHARE = 0.2; // how much is left, of all one may write, when the count begins to show

/**
 * An input block. `dispatch(block, element, value)` is called for those that act at once;
 * `state` is the view's.
 */
export function inputBlock(block, { state, dispatch }) {
  const { element } = block;
  const id = `field-${block.block_id}`;
  const key = `${block.block_id}/${element.action_id}`;
  const group = isGroup(element);
  const node = control(element, { id, key, state: state?.[block.block_id]?.[element.action_id] });
  const label = el(group ? "p" : "label", { class: "label", id: `${id}-label`, for: group ? null : id });
  label.append(textObject(block.label), block.optional ? el("small", {}, " (optional)") : "");
  if (group) node.setAttribute("aria-labelledby", `${id}-label`);
  const notes = [];
  if (block.hint) {
    const hint = el("p", { class: "field-hint", id: `${id}-hint` });
    hint.append(textObject(block.hint));
    notes.push(hint);
  }
  if (element.max_length) notes.push(counter(node, element.max_length, `${id}-left`));
  const error = el("p", { class: "field-error", id: `${id}-error`, hidden: true });
  describe(node, [error, ...notes]);
  if (!block.optional && !group) node.setAttribute("aria-required", "true");
  if (block.dispatch_action) {
    node.addEventListener("change", () => dispatch(block, element, readControl(node, element)));
    node.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && node.localName === "input") {
        event.preventDefault();
        node.dispatchEvent(new Event("change"));
      }
    });
  }
  const box = el("div", { class: "block block-input" }, label, node, error, ...notes);
  box.field = { block, node, element, error, described: node.getAttribute("aria-describedby") };
  return box;
}

function describe(node, notes) {
  node.setAttribute("aria-describedby", notes.map((note) => note.id).join(" "));
}

function counter(node, most, id) {
  const shown = el("p", { class: "field-hint", id });
  const count = () => {
    const left = most - node.value.length;
    shown.textContent = left < 0 ? `${-left} characters too many` : left < most * WARN_SHARE ? `${left} characters left` : "";
    shown.classList.toggle("field-over", left < 0);
  };
  node.addEventListener("input", count);
  queueMicrotask(count);
  return shown;
}

const fieldsIn = (root) => [...root.querySelectorAll(".block-input")].map((box) => box.field);

/** Everything typed: `{ block: { action: value } }`. */
export function valuesIn(root) {
  return Object.fromEntries(
    fieldsIn(root).map(({ block, node, element }) => [
      block.block_id, { [element.action_id]: readControl(node, element) },
    ]),
  );
}

/** Put back what was typed into the fields that are still there under the same ids. */
export function putBack(root, typed, typesBefore) {
  for (const { block, node, element } of fieldsIn(root)) {
    const value = typed[block.block_id]?.[element.action_id];
    const same = typesBefore.get(`${block.block_id}/${element.action_id}`) === element.type;
    if (value !== undefined && same) writeControl(node, element, value);
  }
}

/** The type of each field, by its ids. */
export function typesIn(root) {
  return new Map(fieldsIn(root).map(({ block, element }) => [`${block.block_id}/${element.action_id}`, element.type]));
}

/** Show errors at their fields (block id -> words) and go to the first; {} takes them away. */
export function showErrors(root, errors) {
  let first = null;
  for (const { block, node, error } of fieldsIn(root)) {
    const words = errors[block.block_id] ?? "";
    error.textContent = words;
    error.hidden = !words;
    if (words) {
      node.setAttribute("aria-invalid", "true");
      first ??= node;
    } else {
      node.removeAttribute("aria-invalid");
    }
  }
  const target = first && (first.matches("input, select, textarea") ? first : first.querySelector("input"));
  target?.focus();
}

/** The field that wants the focus, else the first one. */
export function firstField(root) {
  const fields = fieldsIn(root);
  const wanted = fields.find(({ element }) => element.focus_on_load) ?? fields[0];
  if (!wanted) return null;
  return wanted.node.matches("input, select, textarea") ? wanted.node : wanted.node.querySelector("input");
}

