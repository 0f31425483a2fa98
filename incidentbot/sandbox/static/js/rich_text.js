// rich_text blocks: what Slack's own editor writes.

import { formatted } from "./clock.js";
import { el, outside } from "./dom.js";
import { emoji } from "./emoji.js";
import { channelLink, face, group, mention } from "./mrkdwn.js";

/** A rich_text block. */
export function richText(block) {
  return el("div", { class: "rich-text" }, ...block.elements.map(part));
}

function part(element) {
  const inside = () => element.elements.map(inline);
  switch (element.type) {
    case "rich_text_preformatted":
      return el("pre", {}, el("code", {}, ...inside()));
    case "rich_text_quote":
      return el("blockquote", {}, ...inside());
    case "rich_text_list":
      return el(
        element.style === "ordered" ? "ol" : "ul",
        { class: `indent-${Math.min(element.indent ?? 0, 4)}`, start: element.offset ? element.offset + 1 : null },
        ...element.elements.map((item) => el("li", {}, ...item.elements.map(inline))),
      );
    default:
      return el("div", {}, ...inside());
  }
}

function inline(element) {
  return styled(element.style ?? {}, plain(element));
}

function plain(element) {
  switch (element.type) {
    case "text":
      return element.text;
    case "link":
      return outside(element.url, element.text || element.url);
    case "emoji":
      return emoji(element.name) ? face(element.name, emoji(element.name)) : `:${element.name}:`;
    case "user":
      return mention(element.user_id);
    case "channel":
      return channelLink(element.channel_id);
    case "usergroup":
      return group(element.usergroup_id);
    case "broadcast":
      return el("span", { class: "mention mention-loud" }, `@${element.range}`);
    case "date":
      return formatted(element.timestamp, element.format);
    default:
      return element.value ?? "";
  }
}

function styled(style, content) {
  const tags = { bold: "strong", italic: "em", strike: "s", underline: "u", code: "code" };
  return Object.entries(tags).reduce(
    (inner, [name, tag]) => (style[name] ? el(tag, {}, inner) : inner),
    content,
  );
}
