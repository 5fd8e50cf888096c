// The kernel waits for its threads, which only a worker may.
const worker = new Worker(new URL("./worker.mjs", import.meta.url), { type: "module" });
const send = (path, body) => fetch(path, { method: "POST", body });
worker.onmessage = ({ data }) => send("replies?to=1", data);
worker.onerror = ({ message }) => send("failures", message);
