// Slack's mrkdwn as elements. Reference: docs.slack.dev/messaging/formatting-message-text

import { formatted, full } from "./clock.js";
import { el, outside } from "./dom.js";
import { emoji } from "./emoji.js";
import { address, channelById, go, person, state } from "./state.js";

// A longer line is shown without bold and the like: nobody writes it, and matching it takes long.
const LONGEST_LINE = 4_000;
const INSIDE = "((?:<[^<>\\n]*>|[^<\\n])+?)";
const PARTS = new RegExp(
  [
    "<(?<mark>[^<>\\n]+)>",
    "`(?<code>[^`\\n]+)`",
    "(?<url>https?://[^\\s<>|]*[^\\s<>|.,;:!?'\")\\]])",
    ":(?<emoji>[a-z0-9_+-]+(?:::skin-tone-\\d)?):",
    `(?<![\\p{L}\\p{N}*_~])(?<sign>[*_~])(?=\\S)(?<styled>${INSIDE})(?<=\\S)\\k<sign>(?![\\p{L}\\p{N}])`,
  ].join("|"),
  "gu",
);
const TAGS = { "*": "strong", _: "em", "~": "s" };

/** The elements of a mrkdwn text. */
export function mrkdwn(text) {
  const out = document.createDocumentFragment();
  text.split("```").forEach((part, index, parts) => {
    const isCode = index % 2 === 1 && index < parts.length - 1;
    if (isCode) out.append(el("pre", {}, el("code", {}, unescaped(part.replace(/^\n|\n$/g, "")))));
    else if (part) out.append(lines(index % 2 === 1 ? "```" + part : part, index > 0));
  });
  return out;
}

/** One line of mrkdwn, such as a topic. */
export function oneLine(text) {
  const out = document.createDocumentFragment();
  out.append(...inline(text.replaceAll("\n", " ")));
  return out;
}

/** A text object of Block Kit. */
export function textObject(object) {
  if (object.type === "mrkdwn") return mrkdwn(object.text);
  const out = document.createDocumentFragment();
  out.append(...(object.emoji === false ? [object.text] : withEmoji(object.text)));
  return out;
}

/** The words of a text object alone, for labels. */
export function words(object) {
  const text = object?.text ?? "";
  return object?.emoji === false
    ? text
    : text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => emoji(name) ?? whole);
}

/** A text that is no mrkdwn, with its emoji. */
export function withEmoji(text) {
  return text.split(/(:[a-z0-9_+-]+:)/).filter(Boolean).map((part) => {
    const found = /^:.+:$/.test(part) && emoji(part.slice(1, -1));
    return found ? face(part.slice(1, -1), found) : part;
  });
}

function lines(text, afterCode) {
  const out = document.createDocumentFragment();
  let quote = null;
  let toTheEnd = false;
  let fresh = true;
  for (const line of (afterCode ? text.replace(/^\n/, "") : text).split("\n")) {
    const [mark] = toTheEnd ? [""] : (line.match(/^(?:&gt;|>){3}|^(?:&gt;|>)/) ?? [null]);
    if (mark !== null) {
      toTheEnd ||= mark.length > 4 || mark === ">>>";
      if (quote) quote.append("\n");
      else out.append((quote = el("blockquote")));
      quote.append(...inline(line.slice(mark.length).replace(/^ /, "")));
      fresh = true;
    } else {
      if (!fresh) out.append("\n");
      quote = null;
      out.append(...inline(line));
      fresh = false;
    }
  }
  return out;
}

function inline(text) {
  if (text.length > LONGEST_LINE) return [unescaped(text)];
  const out = [];
  let at = 0;
  for (const match of text.matchAll(PARTS)) {
    if (match.index > at) out.push(unescaped(text.slice(at, match.index)));
    out.push(part(match));
    at = match.index + match[0].length;
  }
  if (at < text.length) out.push(unescaped(text.slice(at)));
  return out;
}

function part({ 0: whole, groups }) {
  if (groups.mark) return marked(groups.mark);
  if (groups.code) return el("code", {}, unescaped(groups.code));
  if (groups.url) return outside(unescaped(groups.url), unescaped(groups.url));
  if (groups.emoji) {
    const found = emoji(groups.emoji);
    return found ? face(groups.emoji, found) : whole;
  }
  return el(TAGS[groups.sign], {}, ...inline(groups.styled));
}

/** An emoji that says its name to those who cannot see it. */
export function face(name, character) {
  const label = name.replaceAll("_", " ");
  return el("span", { class: "emoji", role: "img", "aria-label": label, title: `:${name}:` }, character);
}

function marked(inner) {
  const bar = inner.indexOf("|");
  const [target, label] = bar < 0 ? [inner, ""] : [inner.slice(0, bar), inner.slice(bar + 1)];
  if (target.startsWith("@")) return mention(target.slice(1), label);
  if (target.startsWith("#")) return channelLink(target.slice(1), label);
  if (target.startsWith("!date^")) return date(target, label);
  if (target.startsWith("!subteam^")) return group(target.slice("!subteam^".length), label);
  if (target.startsWith("!")) {
    return el("span", { class: "mention mention-loud" }, `@${unescaped(label) || target.slice(1)}`);
  }
  const shown = label ? inline(label) : [unescaped(target.replace(/^mailto:/, ""))];
  return outside(unescaped(target), ...shown);
}

/** `@Ada Winter`, a link to the direct message with her. */
export function mention(id, label = "") {
  const found = person(id);
  const name = `@${found?.real_name || unescaped(label) || id}`;
  const mine = id === state.as ? " mention-me" : "";
  if (!found || id === state.as) return el("span", { class: `mention${mine}` }, name);
  return placeLink(id, "mention", name);
}

/** `#general`, a link to it; the bare name where the person may not read it. */
export function channelLink(id, label = "") {
  const found = channelById(id);
  const name = found?.name || unescaped(label);
  if (!found && !name) return el("span", { class: "mention" }, "#private-channel");
  return placeLink(id, "mention", `#${name}`);
}

/** `@oncall`. */
export function group(id, label = "") {
  const found = state.data?.groups.find((one) => one.id === id);
  return el("span", { class: "mention mention-loud" },
    found ? `@${found.handle}` : unescaped(label) || id);
}

function placeLink(id, style, name) {
  const walk = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(id);
  };
  return el("a", { class: style, href: address(state.as, id), on: { click: walk } }, name);
}

function date(target, fallback) {
  const [, seconds, format, link] = target.split("^");
  if (!/^\d+$/.test(seconds ?? "") || !format) return unescaped(fallback);
  const shown = el(
    "time",
    { datetime: new Date(seconds * 1000).toISOString(), title: full(seconds) },
    formatted(seconds, unescaped(format)),
  );
  return link ? outside(unescaped(link), shown) : shown;
}

/** Slack's three entities, back to characters. */
export function unescaped(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
