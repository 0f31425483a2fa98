// A part of the page that keeps itself up to date: it asks with the ETag it has, only while somebody looks,
// and at once when they come back, from another tab or from where there was no network.
export function keepUp(live) {
  let asked = 0;
  live.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt !== live) return;
    if (document.hidden) event.preventDefault(); // nobody looks
    else asked = Date.now();
  });
  live.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.elt === live) event.detail.headers["If-None-Match"] = live.dataset.etag;
  });
  const look = () => {
    // Coming back is seen twice: by the tab and by its window.
    if (!document.hidden && Date.now() - asked > 500) window.htmx.trigger(live, "look");
  };
  document.addEventListener("visibilitychange", look);
  window.addEventListener("focus", look);
  window.addEventListener("online", look);
}
