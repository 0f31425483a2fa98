// Told by the sandbox when to look again. All tabs of a browser share one connection, because
// a browser opens no more than six to one address.

/** Call `changed` on every change, and `connected(true | false)` as the stream comes and goes. */
export function listen(changed, connected) {
  const hear = (said) => {
    if (said === "lost") return connected(false);
    connected(true);
    return changed();
  };
  if ("SharedWorker" in window) {
    const worker = new SharedWorker(new URL("./stream_worker.js", import.meta.url));
    worker.port.onmessage = (event) => hear(event.data);
    worker.port.start();
  } else {
    const stream = new EventSource("/sandbox/stream");
    stream.onmessage = () => hear("changed");
    stream.onerror = () => hear("lost");
  }
}
