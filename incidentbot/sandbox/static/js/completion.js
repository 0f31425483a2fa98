// What the composer offers while one types: commands, their words, people, channels.

import { WORDS } from "./commands.js";
import { state } from "./state.js";

const MOST = 8;

/**
 * The suggestions for the text before the caret:
 * `{ entries: [{ label, note, insert }], from, eager, usage }`. `insert` goes in from `from` on;
 * `eager` ones are taken by Enter without choosing first.
 */
export function suggestions(text) {
  const nothing = { entries: [], from: 0, eager: false, usage: "" };
  const command = text.match(/^(\/\S*)$/);
  if (command) {
    const entries = state.data.commands.filter((name) => name.startsWith(command[1]) && name !== command[1])
      .map((name) => ({ label: name, note: name === "/inc" ? "short for /incident" : "declare and run incidents", insert: `${name} ` }));
    return { ...nothing, entries };
  }
  const inside = text.match(/^(\/\S+) +(\S*)$/);
  if (inside && state.data.commands.includes(inside[1])) {
    const entries = WORDS.filter(({ word }) => word.startsWith(inside[2]) && word !== inside[2])
      .map(({ word, usage, purpose }) => ({ label: `${word} ${usage}`.trim(), note: purpose, insert: `${word} ` }));
    const exact = WORDS.find(({ word }) => word === inside[2]);
    return { ...nothing, entries: entries.slice(0, WORDS.length), from: text.length - inside[2].length, usage: usageOf(inside[1], exact) };
  }
  return { ...nothing, ...mentions(text), usage: usageIn(text), ...choices(text) };
}

function usageIn(text) {
  const [, command, name] = text.match(/^(\/\S+) +(\S+) /) ?? [];
  return state.data.commands.includes(command) ? usageOf(command, WORDS.find(({ word }) => word === name)) : "";
}

const usageOf = (command, found) =>
  found ? `${command} ${found.word} ${found.usage}`.trim() + ` — ${found.purpose}` : "";

function choices(text) {
  const [, command, name, begun] = text.match(/^(\/\S+) +(\S+) +(\S*)$/) ?? [];
  const found = state.data.commands.includes(command) && WORDS.find(({ word }) => word === name);
  const entries = (found?.choices ?? [])
    .filter((one) => one.toLowerCase().startsWith(begun.toLowerCase()) && one !== begun)
    .map((one) => ({ label: one, note: "", insert: `${one} ` }));
  return entries.length ? { entries, from: text.length - begun.length, eager: false } : {};
}

function mentions(text) {
  const [, sign, begun] = text.match(/(?:^|\s)([@#])([\w.-]*)$/) ?? [];
  if (!sign) return {};
  const wanted = begun.toLowerCase();
  const entries = (sign === "@" ? people(wanted) : channels(wanted)).slice(0, MOST);
  const done = entries.length === 1 && entries[0].insert.trim() === sign + begun;
  return { entries: done ? [] : entries, from: text.length - begun.length - 1, eager: true };
}

function people(wanted) {
  const named = state.data.people
    .filter((one) => one.name.startsWith(wanted) || one.real_name.toLowerCase().includes(wanted))
    .map((one) => ({ label: `@${one.name}`, note: one.real_name, insert: `@${one.name} ` }));
  const groups = state.data.groups.filter((one) => one.handle.startsWith(wanted))
    .map((one) => ({ label: `@${one.handle}`, note: one.name, insert: `@${one.handle} ` }));
  return [...named, ...groups];
}

function channels(wanted) {
  return state.data.channels.filter((one) => !one.with && one.name.includes(wanted))
    .map((one) => ({ label: `#${one.name}`, note: "", insert: `#${one.name} ` }));
}
