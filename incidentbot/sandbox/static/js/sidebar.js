// The column at the side: who one is, and where one can go.

import { $, el, reconcile } from "./dom.js";
import { avatar } from "./people.js";
import { address, go, me, onLook, person, state } from "./state.js";

const WIDE = matchMedia("(min-width: 761px)");

export function startSidebar() {
  onLook(draw);
  $("open-sidebar").addEventListener("click", () => show(!shown()));
  $("place").addEventListener("click", (event) => {
    if (shown() && !event.target.closest("#open-sidebar")) show(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && shown() && !WIDE.matches) {
      show(false);
      $("open-sidebar").focus();
    }
  });
  $("people").addEventListener("toggle", (event) => {
    $("who").setAttribute("aria-expanded", String(event.newState === "open"));
  });
}

const shown = () => $("app").classList.contains("with-sidebar");

function show(yes) {
  $("app").classList.toggle("with-sidebar", yes);
  $("open-sidebar").setAttribute("aria-expanded", String(yes));
  if (yes) $("who").focus();
}

function draw(data) {
  $("team").textContent = data.team;
  drawWho();
  reconcile($("places"), sections(data), (section) => section.title, drawSection);
  const unread = data.channels.reduce((sum, one) => sum + one.unread, 0);
  $("elsewhere").hidden = unread === 0;
  $("elsewhere").textContent = String(unread);
  const place = data.channel.with ? person(data.channel.with)?.real_name : `#${data.channel.name}`;
  document.title = `${unread ? `(${unread}) ` : ""}${place} · ${me().real_name} · Slack sandbox`;
}

function drawWho() {
  const user = me();
  if ($("who").dataset.user !== user.id) {
    $("who").dataset.user = user.id;
    $("who").replaceChildren(avatar(user),
      el("span", { class: "who-words" }, el("small", {}, "You are"), el("strong", {}, user.real_name)),
      el("span", { class: "who-more", "aria-hidden": "true" }, "▾"));
  }
  const people = state.data.people.filter((one) => !one.is_bot);
  const rows = people.map((one) => ({ one, mine: one.id === user.id, at: address(one.id, state.channel, state.tab) }));
  reconcile($("people"), rows, ({ one }) => one.id, drawPerson);
}

function drawPerson({ one, mine, at }) {
  return el("div", { class: "people-row" },
    el("a", { class: "people-link", href: at, "aria-current": mine ? "true" : null },
      avatar(one),
      el("span", {}, el("strong", {}, one.real_name), el("small", {}, `${one.profile.title} · ${one.tz}`))),
    el("a", { class: "people-tab", href: at, target: "_blank", rel: "noopener", title: "In a new tab", "aria-label": `${one.real_name}, in a new tab` }, "↗"));
}

function sections(data) {
  const current = state.channel;
  const entry = (one) => ({ ...one, current: (one.with || one.id) === current });
  const named = data.channels.filter((one) => !one.with);
  const byName = (a, b) => a.name.localeCompare(b.name);
  const people = data.people.filter((one) => one.id !== data.me);
  const direct = (user) => entry({
    id: user.id, with: user.id, name: user.real_name, member: true, is_bot: user.is_bot,
    unread: data.channels.find((one) => one.with === user.id)?.unread ?? 0,
  });
  return [
    { title: "Channels", entries: named.filter((one) => one.member).sort(byName).map(entry) },
    { title: "Channels you have not joined", entries: named.filter((one) => !one.member).sort(byName).map(entry) },
    { title: "Direct messages", entries: people.filter((one) => !one.is_bot).map(direct) },
    { title: "Apps", entries: people.filter((one) => one.is_bot).map(direct) },
  ].filter((section) => section.entries.length);
}

function drawSection(section, old) {
  const id = `places-${section.title.replaceAll(" ", "-")}`;
  const node = old ?? el("section", { class: "places-section" },
    el("h2", { id }, section.title), el("ul", { "aria-labelledby": id }));
  reconcile(node.querySelector("ul"), section.entries, (one) => one.id, drawEntry);
  return node;
}

function drawEntry(one) {
  const target = one.with || one.id;
  const walk = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(false);
    go(target);
  };
  const mark = one.with ? avatar(person(one.with), true) : el("span", { class: "hash", "aria-hidden": "true" }, one.private ? "🔒" : "#");
  return el("li", {},
    el("a", {
      class: `place-link${one.unread ? " place-unread" : ""}`, href: address(state.as, target),
      "aria-current": one.current ? "page" : null, "data-key": target, on: { click: walk },
    }, mark, el("span", { class: "place-name" }, one.name),
    one.unread ? el("span", { class: "badge" }, String(one.unread), el("span", { class: "hidden" }, " unread")) : null));
}
