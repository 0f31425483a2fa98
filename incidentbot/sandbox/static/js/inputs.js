// Block Kit's input elements as form controls: drawn, read and filled.

import { el } from "./dom.js";
import { textObject, words } from "./mrkdwn.js";
import { me, state as look } from "./state.js";

// element type -> what it is drawn with
const KINDS = {
  plain_text_input: textInput,
  static_select: menu,
  external_select: freeText,
  users_select: menu,
  channels_select: menu,
  conversations_select: menu,
  multi_static_select: choices,
  multi_external_select: freeText,
  multi_users_select: choices,
  multi_channels_select: choices,
  multi_conversations_select: choices,
  checkboxes: choices,
  radio_buttons: choices,
  datepicker: () => native("date"),
  timepicker: () => native("time"),
  datetimepicker: () => native("datetime-local"),
};

/**
 * The control of an element. `about`: id and key of the node, its `label` where no visible one
 * names it, and its `state` as the sandbox keeps it.
 */
export function control(element, about) {
  const node = (KINDS[element.type] ?? freeText)(element, about);
  if (about.id) node.id = about.id;
  node.dataset.key = about.key;
  if (about.label) node.setAttribute("aria-label", about.label);
  writeControl(node, element, valueOf(element, about.state));
  return node;
}

/** Whether it is a group of boxes rather than one control: then a legend names it. */
export const isGroup = (element) => KINDS[element.type] === choices;

/** What is chosen or typed, as `/sandbox/act` takes it. */
export function readControl(node, element) {
  if (isGroup(element)) {
    const picked = [...node.querySelectorAll("input:checked")].map((box) => box.value);
    return element.type === "radio_buttons" ? (picked[0] ?? null) : picked;
  }
  if (element.type === "datetimepicker") return fromLocal(node.value);
  if (element.type === "multi_external_select") return node.value ? node.value.split(/,\s*/) : [];
  return node.value || null;
}

/** Fill the control with what `readControl` returned. */
export function writeControl(node, element, value) {
  if (isGroup(element)) {
    const picked = new Set([value].flat());
    for (const box of node.querySelectorAll("input")) box.checked = picked.has(box.value);
  } else if (element.type === "datetimepicker") {
    node.value = value ? toLocal(value) : "";
  } else {
    node.value = Array.isArray(value) ? value.join(", ") : (value ?? "");
  }
}

/** The plain value in an element's state: option values, ids, text. */
export function valueOf(element, kept) {
  const value = Object.entries(kept ?? {}).find(([name]) => name !== "type")?.[1];
  const bare = (one) => (one && typeof one === "object" ? one.value : one);
  return Array.isArray(value) ? value.map(bare) : bare(value);
}

function textInput(element) {
  const attributes = { class: "field", placeholder: words(element.placeholder) || null, autocomplete: "off" };
  return element.multiline
    ? el("textarea", { ...attributes, rows: 4 })
    : el("input", { ...attributes, type: "text" });
}

function freeText(element) {
  return el("input", { class: "field", type: "text", placeholder: words(element.placeholder) || null });
}

function native(type) {
  return el("input", { class: "field field-short", type });
}

function menu(element) {
  const empty = el("option", { value: "" }, words(element.placeholder) || "Choose an option");
  const groups = (element.option_groups ?? []).map((group) =>
    el("optgroup", { label: words(group.label) }, ...group.options.map(option)));
  return el("select", { class: "field" }, empty, ...optionsOf(element).map(option), ...groups);
}

const option = (one) => el("option", { value: one.value }, words(one.text));

/** The options, made up from people and channels where Slack does so. */
function optionsOf(element) {
  const named = (value, text) => ({ value, text: { type: "plain_text", text, emoji: false } });
  const people = () => look.data.people.filter((one) => !one.deleted)
    .map((one) => named(one.id, one.real_name + (one.is_bot ? " (app)" : "")));
  const channels = () => look.data.channels.filter((one) => !one.with)
    .map((one) => named(one.id, `#${one.name}`));
  if (element.type.includes("users_select")) return people();
  if (element.type.includes("channels_select")) return channels();
  if (element.type.includes("conversations_select")) return [...channels(), ...people()];
  return element.options ?? [];
}

function choices(element, about) {
  const single = element.type === "radio_buttons";
  const all = [...optionsOf(element), ...(element.option_groups ?? []).flatMap((g) => g.options)];
  const boxes = all.map((one) => {
    const text = el("span", { class: "choice-text" });
    text.append(textObject(one.text));
    if (one.description) text.append(el("small", {}, words(one.description)));
    return el("label", { class: "choice" },
      el("input", { type: single ? "radio" : "checkbox", name: about.key, value: one.value }), text);
  });
  return el("div", { class: "choices", role: single ? "radiogroup" : "group" }, ...boxes);
}

// A date and time is typed in the person's own zone.
function zoneOffset(seconds) {
  const zone = me()?.tz || "UTC";
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeZoneName: "longOffset" })
    .formatToParts(new Date(seconds * 1000));
  const [, sign, hours, minutes] =
    parts.find((one) => one.type === "timeZoneName").value.match(/GMT([+-])(\d+):(\d+)/) ?? [];
  return sign ? (sign === "-" ? -1 : 1) * (hours * 3600 + minutes * 60) : 0;
}

function fromLocal(text) {
  if (!text) return null;
  const guess = Date.parse(`${text}Z`) / 1000;
  return guess - zoneOffset(guess);
}

function toLocal(seconds) {
  return new Date((seconds + zoneOffset(seconds)) * 1000).toISOString().slice(0, 16);
}
