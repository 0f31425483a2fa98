// Show times in the zone of the reader's browser where they have chosen none (else the server has
// written it so), and how long ago; the UTC time stays in the tooltip. The forms are those of web/times.py.
import { inWords } from "./durations.js";

const chosen = document.documentElement.dataset.timeZone; // on one's own page
// The server counts days as the reader's browser does, too.
if (!chosen && document.body.dataset.person) {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `zone=${timeZone}; path=/; max-age=31536000; samesite=lax${secure}`;
}
const pieces = new Intl.DateTimeFormat("en-US", {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});

function exact(moment) {
  const { day, month, year, hour, minute } = Object.fromEntries(
    pieces.formatToParts(moment).map(({ type, value }) => [type, value]),
  );
  return `${day} ${month} ${year}, ${hour}:${minute}`;
}

function ago(moment) {
  const seconds = (Date.now() - moment) / 1000;
  return seconds < 60 ? "just now" : `${inWords(seconds)} ago`;
}

function show() {
  for (const element of document.querySelectorAll("time[datetime]")) {
    const isRelative = "relative" in element.dataset;
    if (chosen && !isRelative) continue;
    const moment = new Date(element.dateTime);
    const words = isRelative ? ago(moment) : exact(moment);
    if (element.textContent !== words) element.textContent = words;
  }
}

show();
setInterval(show, 30_000);
document.addEventListener("htmx:afterSwap", show);
