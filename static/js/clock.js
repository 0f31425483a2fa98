// The clocks of an open incident: how long it has been open, and when the next update is due.
const MINUTE = 60_000;

function passed(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const pair = (number) => String(number).padStart(2, "0");
  const days = Math.floor(seconds / 86_400);
  const clock = `${Math.floor(seconds / 3_600) % 24}:${pair(Math.floor(seconds / 60) % 60)}:${pair(seconds % 60)}`;
  return days ? `${days} d ${clock}` : clock;
}

// As the server says it: "3 min", "2 h 5 min", "4 d 1 h".
function inWords(milliseconds) {
  const minutes = Math.floor(milliseconds / MINUTE);
  const [days, hours, rest] = [Math.floor(minutes / 1_440), Math.floor(minutes / 60) % 24, minutes % 60];
  if (days) return hours ? `${days} d ${hours} h` : `${days} d`;
  if (hours) return rest ? `${hours} h ${rest} min` : `${hours} h`;
  return minutes ? `${minutes} min` : `${Math.floor(milliseconds / 1000)} s`;
}

function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

function tick() {
  const now = Date.now();
  for (const element of document.querySelectorAll("[data-clock]")) {
    say(element, passed(now - new Date(element.dataset.clock)));
  }
  for (const element of document.querySelectorAll("[data-due]")) {
    const left = new Date(element.dataset.due) - now;
    say(element, left > 0 ? `in ${inWords(left)}` : `overdue by ${inWords(-left)}`);
    element.classList.toggle("due-late", left <= 0);
  }
}

tick();
setInterval(tick, 1_000);
document.addEventListener("htmx:afterSwap", tick);
