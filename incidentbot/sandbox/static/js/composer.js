// Where one writes: messages, answers in threads, slash commands. What failed stays written.

import { act } from "./api.js";
import { asCommand } from "./commands.js";
import { $, el } from "./dom.js";
import { hintKey, refresh, startHints } from "./hints.js";
import { toNewest } from "./messages.js";
import { look, onLook, person, state } from "./state.js";

const drafts = new Map(); // "person place" -> what is written there
let place = "";
let thread = null;
let line = Promise.resolve();
let waiting = 0;

export function startComposer() {
  onLook(draw);
  startHints();
  const write = $("write");
  write.addEventListener("input", () => {
    drafts.set(place, write.value);
    fit();
  });
  write.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (hintKey(event)) return void event.preventDefault();
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      send();
    }
  });
  $("write-form").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
}

/** Answer in the thread under a message. */
export function replyTo(message) {
  thread = message && { ts: message.thread_ts || message.ts, user: message.user };
  drawThread();
  $("write").focus();
}

function send() {
  const write = $("write");
  const text = write.value;
  if (!text.trim()) return;
  const command = asCommand(text.trim(), state.data.commands);
  if (/^\/\w/.test(text) && !command) {
    tell(`${text.split(/\s/)[0]} is not a command here. Known: ${state.data.commands.join(", ")}.`);
    return;
  }
  const [what, more] = command
    ? ["command", { command: command[0], text: command[1] }]
    : ["message", { text, thread_ts: thread?.ts ?? "" }];
  const deed = { user: state.as, channel: state.channel, ...more };
  const from = place;
  setText(from, "");
  replyTo(null);
  tell("");
  waiting += 1;
  showWaiting();
  line = line.then(() => deliver(what, deed, text, from)); // one after the other, in order
}

async function deliver(what, deed, text, from) {
  try {
    const answer = await act(what, deed);
    if (answer.error) bringBack(from, text, `${deed.command} failed: ${answer.error}. What you typed is still here.`);
    await look();
    toNewest();
  } catch (error) {
    bringBack(from, text, error.message);
  } finally {
    waiting -= 1;
    showWaiting();
  }
}

/** Put back what could not be sent, before what has been written since. */
function bringBack(from, text, why) {
  const since = drafts.get(from);
  setText(from, since ? `${text}\n${since}` : text);
  if (place === from) tell(why);
}

function setText(from, text) {
  drafts.set(from, text);
  if (place !== from) return;
  $("write").value = text;
  refresh();
  fit();
}

function showWaiting() {
  $("write-form").setAttribute("aria-busy", String(waiting > 0));
  $("send").textContent = waiting > 0 ? "Sending …" : "Send";
}

function tell(words) {
  $("write-problem").textContent = words;
  $("write-problem").hidden = !words;
}

function draw({ channel }, { moved }) {
  if (moved) {
    place = `${state.as} ${state.channel}`;
    thread = null;
    tell("");
    $("write").value = drafts.get(place) ?? "";
    drawThread();
    fit();
  }
  const name = channel.with ? person(channel.with)?.real_name : `#${channel.name}`;
  $("write").placeholder = `Message ${name}`;
  $("composer").hidden = state.tab === "home";
  const closed = channel.archived || !channel.member;
  $("write-form").hidden = closed;
  $("bar").hidden = !closed;
  if (closed) drawBar(channel);
}

function drawBar(channel) {
  const words = channel.archived ? "This channel is archived." : `You are looking at #${channel.name}, and have not joined it.`;
  if ($("bar").dataset.words === words) return;
  $("bar").dataset.words = words;
  const join = el("button", { class: "button button-primary", type: "button" }, "Join channel");
  join.addEventListener("click", async () => {
    await act("join", { user: state.as, channel: channel.id }).catch((error) => tell(error.message));
    await look();
    $("write").focus();
  });
  $("bar").replaceChildren(el("p", {}, words), ...(channel.archived ? [] : [join]));
}

function drawThread() {
  $("reply-to").hidden = !thread;
  if (!thread) return;
  const stop = el("button", { class: "button button-icon", type: "button", "aria-label": "Not in the thread" }, "×");
  stop.addEventListener("click", () => replyTo(null));
  $("reply-to").replaceChildren(`In the thread of ${person(thread.user)?.real_name ?? thread.user}`, stop);
}

/** As tall as what is written, up to the limit of the style sheet. */
function fit() {
  const write = $("write");
  write.style.height = "auto";
  write.style.height = `${write.scrollHeight + 2}px`;
}
