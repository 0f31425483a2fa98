// The one stream that all tabs of this browser share (a SharedWorker).

const ports = new Set();
const stream = new EventSource("/sandbox/stream");
let last = "";

function tell(words) {
  last = words;
  for (const port of ports) port.postMessage(words);
}

stream.onmessage = () => tell("changed");
stream.onerror = () => tell("lost");

self.onconnect = (event) => {
  const [port] = event.ports;
  ports.add(port);
  if (last) port.postMessage(last);
};
