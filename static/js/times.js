// Show times in the reader's own zone, and how long ago; the UTC time stays in the tooltip.
const timeZone = document.documentElement.dataset.timeZone || undefined; // chosen on one's own page
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short", timeZone });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60]];

function ago(moment) {
  const seconds = Math.max(0, (Date.now() - moment) / 1000);
  for (const [unit, size] of UNITS) {
    if (seconds >= size) return relative.format(-Math.floor(seconds / size), unit);
  }
  return "just now";
}

function show(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    element.textContent = "relative" in element.dataset ? ago(moment) : exact.format(moment);
  }
}

show(document);
setInterval(() => show(document), 30_000);
document.addEventListener("htmx:afterSwap", () => show(document));
