// The list of messages: drawn from the newest look, touching only what changed.

import { act } from "./api.js";
import { drawBlocks } from "./blocks.js";
import { day, dayKey, full, time } from "./clock.js";
import { $, el, outside, reconcile } from "./dom.js";
import { emoji } from "./emoji.js";
import { openMessageMenu } from "./message_menu.js";
import { mrkdwn, oneLine } from "./mrkdwn.js";
import { avatar } from "./people.js";
import { look, lookFurtherBack, me, onLook, person, state } from "./state.js";
import { tellTrouble } from "./trouble.js";

const TOGETHER_SECONDS = 300;
const NEAR_END = 60;
// What Slack itself says of a channel: a small line rather than a message.
const QUIET = ["channel_join", "channel_leave", "channel_topic", "channel_purpose", "channel_name",
  "channel_archive", "channel_unarchive", "bot_add", "pinned_item"];

let newFrom = "";

export function startMessages() {
  onLook(draw);
  $("earlier").addEventListener("click", lookFurtherBack);
  $("to-newest").addEventListener("click", toNewest);
  $("scroller").addEventListener("scroll", () => {
    if (atEnd()) $("to-newest").hidden = true;
  });
}

/** Scroll to the newest message. */
export function toNewest() {
  $("scroller").scrollTop = $("scroller").scrollHeight;
  $("to-newest").hidden = true;
}

function atEnd() {
  const { scrollHeight, scrollTop, clientHeight } = $("scroller");
  return scrollHeight - scrollTop - clientHeight < NEAR_END;
}

function draw({ channel }, { moved }) {
  const log = $("log");
  const follow = moved || atEnd();
  const before = log.childElementCount;
  const newest = log.lastElementChild?.itemKey;
  if (moved) {
    log.setAttribute("aria-live", "off"); // what was there before is not news
    log.replaceChildren();
    newFrom = firstUnread(channel);
  }
  $("earlier").hidden = channel.earlier === 0;
  drawIntro(channel);
  reconcile(log, itemsOf(channel), (item) => item.key, drawItem);
  if (follow) toNewest();
  else if (before && log.lastElementChild?.itemKey !== newest) $("to-newest").hidden = false;
  if (moved) requestAnimationFrame(() => log.removeAttribute("aria-live"));
  if (!document.hidden && state.tab !== "home") markRead(channel);
}

function firstUnread(channel) {
  if (!channel.member) return "";
  return channel.messages.find((m) => m.ts > channel.read && m.user !== state.as)?.ts ?? "";
}

function markRead(channel) {
  const listed = state.data.channels.find((one) => one.id === channel.id);
  if (listed?.unread) act("read", { user: state.as, channel: channel.id }).catch(() => {});
}

/** What is drawn, top to bottom: days, messages, the answers under them. */
function itemsOf(channel) {
  const items = [];
  const shown = channel.messages;
  const roots = new Set(shown.map((m) => m.ts));
  const isAnswer = (m) => m.thread_ts && m.thread_ts !== m.ts && roots.has(m.thread_ts) && !m.broadcast;
  let before = null;
  for (const message of shown.filter((m) => !isAnswer(m))) {
    const newDay = !before || dayKey(before.ts) !== dayKey(message.ts);
    if (newDay) items.push({ key: `day ${dayKey(message.ts)}`, kind: "day", label: day(message.ts) });
    const isNew = message.ts === newFrom;
    if (isNew && before) items.push({ key: "new", kind: "new" });
    const following = !newDay && !isNew && goesWith(before, message);
    items.push({ key: message.ts, kind: "message", message, following, channel: channel.id });
    const answers = shown.filter((m) => isAnswer(m) && m.thread_ts === message.ts);
    for (const answer of answers) {
      items.push({ key: answer.ts, kind: "message", message: answer, answer: true, channel: channel.id });
    }
    before = answers.length ? null : message;
    if (answers.length) before = { ...message, user: "" };
  }
  return items;
}

function goesWith(before, message) {
  return !QUIET.includes(before.subtype) && before.user === message.user
    && before.username === message.username && !before.is_ephemeral && !message.is_ephemeral
    && message.ts - before.ts < TOGETHER_SECONDS && !message.pinned_to && !before.blocks && !message.blocks;
}

function drawItem(item) {
  if (item.kind === "day") return el("h2", { class: "day" }, el("span", {}, item.label));
  if (item.kind === "new") return el("p", { class: "new-line" }, el("span", {}, "New"));
  const { message } = item;
  if (QUIET.includes(message.subtype)) return drawQuiet(message);
  return drawMessage(item);
}

function drawQuiet(message) {
  const words = el("span", {});
  words.append(oneLine(message.text), " ", stamp(message.ts));
  return el("p", { class: "quiet" }, avatar(person(message.user), true), words);
}

const stamp = (ts) => el("time", { class: "stamp", datetime: new Date(ts * 1000).toISOString(), title: full(ts) }, time(ts));

function drawMessage({ message, following, answer, channel }) {
  const author = person(message.user);
  const own = message.subtype === "sandbox";
  const name = message.username || author?.real_name || message.user;
  const classes = ["message", following && "message-following", answer && "message-answer",
    message.is_ephemeral && "message-ephemeral", message.pinned_to && "message-pinned"];
  const body = el("div", { class: "message-body" });
  body.append(...contents(message, channel));
  if (message.edited) body.append(el("small", { class: "edited", title: full(message.edited.ts) }, "(edited)"));
  const more = el("button",
    { class: "button button-icon message-more", type: "button", "data-key": `more ${message.ts}`, "aria-haspopup": "menu", "aria-label": `Actions on the message of ${name}, ${time(message.ts)}` },
    "⋯");
  more.addEventListener("click", () => openMessageMenu(more, message, channel));
  return el("div", { class: classes.filter(Boolean).join(" "), "data-ts": message.ts },
    following ? el("span", { class: "gutter" }, stamp(message.ts)) : avatar(own ? { is_bot: true, real_name: name } : author),
    el("div", { class: "message-main" },
      above(message),
      following ? null : el("p", { class: "byline" },
        el("strong", {}, name), author?.is_bot ? el("span", { class: "app-badge" }, own ? "SLACK" : "APP") : null, stamp(message.ts)),
      body,
      files(message),
      reactions(message, channel),
      message.reply_count && !answer ? el("p", { class: "replies" }, `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}`) : null),
    message.is_ephemeral ? null : more);
}

function above(message) {
  if (message.is_ephemeral) return el("p", { class: "message-note" }, "👁 Only visible to you");
  if (message.pinned_to) return el("p", { class: "message-note" }, "📌 Pinned");
  return null;
}

function contents(message, channel) {
  const surface = {
    state: message.state,
    press: (block, element, value) => press(message, channel, block, element, value),
    input: () => el("div", {}),
  };
  const out = [];
  if (message.blocks) out.push(...drawBlocks(message.blocks, surface));
  else if (message.text) {
    const text = el("div", { class: "prose" });
    text.append(mrkdwn(message.text));
    out.push(text);
  }
  for (const attachment of message.attachments ?? []) {
    const inside = el("div", { class: "attachment" });
    inside.append(...drawBlocks(attachment.blocks ?? [], surface));
    if (attachment.text ?? attachment.fallback) inside.append(mrkdwn(attachment.text ?? attachment.fallback));
    out.push(inside);
  }
  return out;
}

async function press(message, channel, block, element, value) {
  const deed = { user: state.as, channel, ts: message.ts, block_id: block.block_id, action_id: element.action_id, value };
  try {
    await act("action", deed);
    await look();
  } catch (error) {
    tellTrouble(error.message);
  }
}

function files(message) {
  if (!message.files) return null;
  return el("ul", { class: "files" }, ...message.files.map((file) =>
    el("li", {}, outside(new URL(file.permalink, location.href).href, `📄 ${file.title || file.name}`), ` ${file.size} bytes`)));
}

function reactions(message, channel) {
  if (!message.reactions) return null;
  return el("div", { class: "reactions" }, ...message.reactions.map((reaction) => {
    const mine = reaction.users.includes(state.as);
    const names = reaction.users.map((id) => (id === me().id ? "you" : (person(id)?.real_name ?? id))).join(", ");
    const node = el("button",
      { class: "reaction", type: "button", "data-key": `reaction ${reaction.name}`, "aria-pressed": String(mine), title: `:${reaction.name}: by ${names}`, "aria-label": `${reaction.name.replaceAll("_", " ")}, ${reaction.count}, by ${names}` },
      emoji(reaction.name) ?? `:${reaction.name}:`, " ", el("span", {}, String(reaction.count)));
    node.addEventListener("click", () => react(message, channel, reaction.name, mine));
    return node;
  }));
}

/** Give a reaction, or take it back. */
export async function react(message, channel, name, remove) {
  try {
    await act("react", { user: state.as, channel, ts: message.ts, name, remove });
    await look();
  } catch (error) {
    tellTrouble(error.message);
  }
}

function drawIntro(channel) {
  const name = channel.with ? (person(channel.with)?.real_name ?? channel.with) : `#${channel.name}`;
  const where = channel.with ? `This is between you and ${name}.` : `This is the beginning of ${name}.`;
  const words = channel.earlier ? "" : `${where} ${channel.purpose}`.trim();
  if ($("intro").textContent !== words) $("intro").textContent = words;
}
