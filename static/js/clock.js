// The clocks of open incidents: how long one has been open, and when its next update is due.
import { inWords } from "./durations.js";

function passed(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const pair = (number) => String(number).padStart(2, "0");
  const days = Math.floor(seconds / 86_400);
  const clock = `${Math.floor(seconds / 3_600) % 24}:${pair(Math.floor(seconds / 60) % 60)}:${pair(seconds % 60)}`;
  return days ? `${days} d ${clock}` : clock;
}

function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

function tick() {
  const now = Date.now();
  for (const element of document.querySelectorAll("[data-clock]")) {
    say(element, passed(now - new Date(element.dataset.clock)));
  }
  // What is due is named on cards, where no heading does: "update due in 3 min".
  for (const element of document.querySelectorAll("[data-due]")) {
    const left = (new Date(element.dataset.due) - now) / 1000;
    const what = element.dataset.what;
    const words = left > 0 ? `in ${inWords(left)}` : `overdue by ${inWords(-left)}`;
    say(element, what ? `${what} ${left > 0 ? "due " : ""}${words}` : words);
    element.classList.toggle("due-over", left <= 0);
  }
}

tick();
setInterval(tick, 1_000);
document.addEventListener("htmx:afterSwap", tick);
