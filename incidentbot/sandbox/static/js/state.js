// Who looks at what, and the newest picture of it. Everything drawn comes from here.

import { ask } from "./api.js";

const PAGE_SIZE = 150;

/** `data` is what /sandbox/seen answered last; null before the first answer. */
export const state = { as: "", channel: "", tab: "", last: PAGE_SIZE, data: null };

const drawers = [];
let trouble = () => {};
let running = null;
let again = false;
let drawnPlace = "";

/** Have `draw(data, { moved })` called after every look; `moved` when the place has changed. */
export function onLook(draw) {
  drawers.push(draw);
}

/** Have `report(words)` called when a look fails. */
export function onTrouble(report) {
  trouble = report;
}

/** Look at the workspace now. Calls during a look lead to exactly one more. */
export function look() {
  again = true;
  running ??= looking()
    .catch((error) => trouble(error.message))
    .finally(() => {
      running = null;
    });
  return running;
}

async function looking() {
  while (again) {
    again = false;
    const asked = placeKey();
    const query = new URLSearchParams({ as: state.as, channel: state.channel, last: state.last });
    const data = await ask(`/sandbox/seen?${query}`);
    if (asked === placeKey()) draw(data);
    else again = true;
  }
}

function draw(data) {
  state.data = data;
  state.as = data.me;
  state.channel = data.channel.with || data.channel.id;
  history.replaceState(null, "", address(state.as, state.channel, state.tab));
  const place = placeKey();
  const moved = place !== drawnPlace;
  drawnPlace = place;
  for (const drawer of drawers) drawer(data, { moved });
}

const placeKey = () => `${state.as} ${state.channel} ${state.tab}`;

/** The page's address for a person, a place and a tab of it. */
export function address(as, channel, tab = "") {
  const query = new URLSearchParams({ as, channel });
  if (tab) query.set("tab", tab);
  return `?${query}`;
}

/** Go to a channel (by id), or to the direct message with a person (by theirs). */
export function go(channel, tab = "") {
  history.pushState(null, "", address(state.as, channel, tab));
  return readAddress();
}

/** Take person and place from the page's address, and look. */
export function readAddress() {
  const query = new URLSearchParams(location.search);
  state.as = query.get("as") ?? "";
  state.channel = query.get("channel") ?? "";
  state.tab = query.get("tab") ?? "";
  state.last = PAGE_SIZE;
  return look();
}

/** Show more of the past. */
export function lookFurtherBack() {
  state.last += PAGE_SIZE;
  return look();
}

export const person = (id) => state.data?.people.find((one) => one.id === id);
export const me = () => person(state.as);
export const channelById = (id) => state.data?.channels.find((one) => one.id === id);
