/**
 * The page that measures: requests come from the parent as events and go to a worker, whose replies go back. The worker has a thread of its
 * own, since a kernel's caller must be able to wait for other threads.
 */

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });

const post = (path: string, body: string) => fetch(path, { method: "POST", body });
const fail = (message: string) => void post("failures", message);

worker.addEventListener("message", ({ data }: MessageEvent<string>) => void post("replies", data));
worker.addEventListener("error", ({ message, filename, lineno }) =>
  fail(`an error in its worker: ${message} (${filename}:${lineno})`),
);
addEventListener("error", ({ message }) => fail(message));
addEventListener("unhandledrejection", ({ reason }) => fail(String(reason)));

// Only https and the machine's own address can be isolated. A page of another machine measures without.
if (crossOriginIsolated || !isSecureContext) {
  const requests = new EventSource("requests");
  requests.addEventListener("message", ({ data }: MessageEvent<string>) => worker.postMessage(data));
} else fail("it is not cross-origin isolated: it has no shared memory, and a coarse clock");

/** The interval of heartbeats to the parent, in milliseconds: long enough to disturb nothing. */
const HEARTBEAT_MS = 2500;
setInterval(() => void post("heartbeats", ""), HEARTBEAT_MS);

worker.postMessage({ base: location.href, openedAt: performance.timeOrigin });
