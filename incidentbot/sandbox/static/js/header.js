// The head of the place: its name and topic, its members, what is pinned and bookmarked.

import { $, el, outside, reconcile } from "./dom.js";
import { drawBlocks } from "./blocks.js";
import { day, full, time } from "./clock.js";
import { withEmoji, mrkdwn, oneLine } from "./mrkdwn.js";
import { avatar } from "./people.js";
import { address, go, onLook, person, state } from "./state.js";

export function startHeader() {
  onLook(draw);
}

function draw({ channel, bot }) {
  const name = channel.with ? (person(channel.with)?.real_name ?? channel.with) : channel.name;
  $("title").textContent = `${channel.with ? "" : channel.private ? "🔒 " : "# "}${name}`;
  const topic = $("topic");
  if (topic.dataset.text !== channel.topic) {
    topic.dataset.text = channel.topic;
    topic.replaceChildren(oneLine(channel.topic));
  }
  reconcile($("tools"), tools(channel, bot), (tool) => tool.kind, (tool) => TOOLS[tool.kind](tool));
  reconcile($("bookmarks"), channel.bookmarks, (one) => one.id, drawBookmark);
  $("bookmarks").hidden = channel.bookmarks.length === 0;
}

/** What stands beside the title, as data: so that an open list is redrawn only when it changes. */
function tools(channel, bot) {
  if (channel.with === bot) return [{ kind: "tabs", tab: state.tab, bot }];
  if (channel.with) return [];
  return [
    { kind: "members", members: channel.members },
    { kind: "pins", pins: channel.pins },
  ];
}

const TOOLS = { tabs: drawTabs, members: drawMembers, pins: drawPins };

function drawTabs({ tab, bot }) {
  const one = (name, label) => el("a", {
    class: "tab", href: address(state.as, bot, name), "aria-current": tab === name ? "page" : null, "data-key": `tab ${name}`,
    on: { click: (event) => { event.preventDefault(); go(bot, name); } },
  }, label);
  return el("div", { class: "tabs" }, one("home", "Home"), one("", "Messages"));
}

function drawMembers({ members }) {
  const label = `${members.length} ${members.length === 1 ? "member" : "members"}`;
  const rows = members.map((id) => {
    const user = person(id);
    return el("li", {}, avatar(user, true), el("span", {}, user?.real_name ?? id, " ", el("small", {}, user?.profile.title ?? "")));
  });
  return fold("members", "Members", label, el("ul", { class: "member-list" }, ...rows));
}

function drawPins({ pins }) {
  const rows = pins.map((message) => {
    const node = el("li", { class: "pin" },
      el("p", { class: "byline" }, el("strong", {}, person(message.user)?.real_name ?? message.user), el("small", { title: full(message.ts) }, `${day(message.ts)} ${time(message.ts)}`)));
    if (message.blocks) node.append(...drawBlocks(message.blocks.filter((b) => b.type !== "actions"), still));
    else node.append(mrkdwn(message.text));
    const jump = el("button", { class: "button", type: "button" }, "Show in the channel");
    jump.addEventListener("click", () => show(message.ts));
    node.append(jump);
    return node;
  });
  const list = rows.length ? el("ul", { class: "pin-list" }, ...rows) : el("p", { class: "empty" }, "Nothing is pinned here.");
  return fold("pins", "Pinned messages", `📌 ${pins.length} pinned`, list);
}

// What is pinned is shown as it looks; its buttons are used in the channel.
const still = { press: () => Promise.resolve(), input: () => el("div", {}) };

function fold(name, title, label, content) {
  const id = `fold-${name}`;
  const panel = el("div", { id, class: "fold", popover: true, tabindex: "0", role: "group", "aria-labelledby": `${id}-title` },
    el("h2", { id: `${id}-title` }, title), content);
  return el("div", { class: `tool tool-${name}` },
    el("button", { class: "button", type: "button", popovertarget: id, "data-key": id }, label), panel);
}

function show(ts) {
  document.querySelector(".fold:popover-open")?.hidePopover();
  const found = document.querySelector(`.message[data-ts="${CSS.escape(ts)}"]`);
  found?.scrollIntoView({ block: "center" });
  found?.classList.add("message-found");
  setTimeout(() => found?.classList.remove("message-found"), 2_000);
}

function drawBookmark(one) {
  const node = outside(one.link, ...withEmoji(one.emoji), one.emoji ? " " : "🔗 ", one.title);
  node.classList.add("bookmark");
  return node;
}
