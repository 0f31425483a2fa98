// Says why a page that keeps itself up to date gets no more news: it cannot be reached, its reader is
// signed out, or what it shows is not for them any more. What it has is not touched meanwhile. And says
// that a button or a link which fetches a part of the page did nothing.
const TRIES = 2; // one that fails is no news yet
const box = document.getElementById("connection");
const chosen = document.documentElement.dataset.timeZone;
const clock = new Intl.DateTimeFormat("en-US", {
  hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: chosen || undefined,
});
const FAILED = "That did not work. Reload the page and try again.";
const isPoll = (element) => element.id === "live";
let failed = 0;
let isOver = false;
let heard = Date.now();

document.addEventListener("htmx:beforeRequest", (event) => {
  if (isOver && isPoll(event.detail.elt)) event.preventDefault();
});

document.addEventListener("htmx:afterRequest", ({ detail: { elt, xhr } }) => {
  if (xhr.status === 401) {
    stop();
    say("You are signed out.", link("Sign in", `${box.dataset.signIn}?next=${encodeURIComponent(location.pathname + location.search)}`));
  } else if (isOver) {
    return;
  } else if (!isPoll(elt)) {
    if (xhr.status >= 200 && xhr.status < 400 && box.textContent === FAILED) say();
  } else if (xhr.status === 404) {
    stop();
    leave();
  } else if (xhr.status === 304 || (xhr.status === 200 && xhr.getResponseHeader("ETag"))) {
    if (failed >= TRIES) say();
    failed = 0;
    heard = Date.now();
  } else if (++failed >= TRIES) {
    say(`No news since ${clock.format(heard)}, trying again.`);
  }
});

for (const failure of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(failure, ({ detail: { elt, xhr } }) => {
    if (!isPoll(elt) && !isOver && xhr.status !== 401) say(FAILED);
  });
}

function stop() {
  isOver = true;
}

function say(...parts) {
  const words = parts.map((part) => part.textContent ?? part).join(" ");
  if (box.textContent === words) return;
  box.replaceChildren(...parts.flatMap((part, place) => (place ? [" ", part] : [part])));
}

function link(words, address) {
  const found = document.createElement("a");
  found.href = address;
  found.textContent = words;
  return found;
}

// Nothing of what is no longer the reader's to see stays on their screen.
function leave() {
  const words = "This is not here for you any more";
  const heading = document.createElement("h1");
  heading.textContent = document.title = words;
  const back = document.createElement("p");
  back.append(link("All incidents", document.querySelector(".brand").href));
  document.getElementById("main").replaceChildren(heading, back);
  say(`${words}.`);
}
