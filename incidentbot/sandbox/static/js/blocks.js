// Block Kit as elements: docs.slack.dev/reference/block-kit/blocks

import { el } from "./dom.js";
import { interactive } from "./elements.js";
import { textObject, words } from "./mrkdwn.js";
import { richText } from "./rich_text.js";

/**
 * The elements of `blocks`. `surface` says where they are: `press(block, element, value)` acts,
 * `state` is what is chosen there, `input(block)` draws an input block (modals and homes only),
 * `heading` is the tag of header blocks.
 */
export function drawBlocks(blocks, surface) {
  return blocks.map((block) => drawBlock(block, surface));
}

/** One block. */
export function drawBlock(block, surface) {
  const draw = KINDS[block.type];
  return draw ? draw(block, surface) : el("div", { class: "block" }, `[${block.type}]`);
}

const KINDS = {
  header: (block, surface) => el(surface.heading ?? "h3", { class: "block block-header" }, words(block.text)),
  section,
  context,
  divider: () => el("hr", { class: "block" }),
  image,
  actions: (block, surface) =>
    el("div", { class: "block block-actions" }, ...block.elements.map((one) => acting(block, one, surface))),
  input: (block, surface) => surface.input(block),
  rich_text: (block) => el("div", { class: "block" }, richText(block)),
};

function acting(block, element, surface) {
  const state = surface.state?.[block.block_id]?.[element.action_id] ?? initial(element);
  return interactive(block, element, surface.press, state);
}

function initial(element) {
  const found = Object.entries(element).find(([name]) => name.startsWith("initial_"));
  return found ? { value: found[1] } : {};
}

function section(block, surface) {
  const text = el("div", { class: "section-text" });
  if (block.text) {
    const words = el("div", { class: "prose" });
    words.append(textObject(block.text));
    text.append(words);
  }
  if (block.fields) {
    text.append(el("div", { class: "section-fields" }, ...block.fields.map((field) => {
      const node = el("div", { class: "prose" });
      node.append(textObject(field));
      return node;
    })));
  }
  const { accessory } = block;
  const beside = accessory && (accessory.type === "image" ? thumbnail(accessory) : acting(block, accessory, surface));
  return el("div", { class: "block block-section" }, text,
    beside ? el("div", { class: "section-accessory" }, beside) : null);
}

function context(block) {
  return el("div", { class: "block block-context" }, ...block.elements.map((element) => {
    if (element.type === "image") return thumbnail(element);
    const node = el("span", { class: "prose" });
    node.append(textObject(element));
    return node;
  }));
}

function source(image) {
  return image.image_url ?? image.slack_file?.url ?? "";
}

function thumbnail(image) {
  return el("img", { class: "thumbnail", src: source(image), alt: image.alt_text, loading: "lazy" });
}

function image(block) {
  return el("figure", { class: "block block-image" },
    block.title ? el("figcaption", {}, words(block.title)) : null,
    el("img", { src: source(block), alt: block.alt_text, loading: "lazy" }));
}
