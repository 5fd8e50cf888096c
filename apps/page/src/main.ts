import { fetchWithRetry } from "./retry.js";
import type { Begin, FromWorker, NumberedRequest } from "./worker.js";

/**
 * The page that measures: requests come from the parent as events and go to a worker, which replies. The worker has a thread of its
 * own, since a kernel's caller must be able to wait for other threads.
 */

/** Loads the page again, or reports the reason if that did not help; see `index.html`. */
declare function loadAgain(reason: string): void;

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });

/** Reports that the page cannot go on. A parent that is out of reach notices by its own timeout. */
const fail = (message: string) =>
  void fetchWithRetry("failures", { method: "POST", body: message }).catch(() => {});

worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => loadAgain(data.missing));
worker.addEventListener("error", (event) => {
  if (event instanceof ErrorEvent) {
    fail(`an error in its worker: ${event.message} (${event.filename}:${event.lineno})`);
  } else loadAgain("its worker does not load");
});
addEventListener("error", ({ message }) => fail(message));
addEventListener("unhandledrejection", ({ reason }) => fail(String(reason)));

/** The number of the last request that was received. */
let received = 0;
/** The pause before a connection is made again that the browser has given up, in milliseconds. */
const RECONNECT_MS = 500;

function listen(): void {
  const requests = new EventSource(`requests?after=${received}`);
  requests.addEventListener("message", ({ data, lastEventId }: MessageEvent<string>) => {
    received = Number(lastEventId);
    worker.postMessage({ number: received, request: data } satisfies NumberedRequest);
  });
  // Most connections that are cut are made again by the browser.
  requests.addEventListener("error", () => {
    if (requests.readyState === EventSource.CLOSED) setTimeout(listen, RECONNECT_MS);
  });
}

// Only https and the machine's own address can be isolated. A page of another machine measures without.
if (crossOriginIsolated || !isSecureContext) listen();
else fail("it is not cross-origin isolated: it has no shared memory, and a coarse clock");

/** The interval of heartbeats to the parent, in milliseconds: long enough to disturb nothing. */
const HEARTBEAT_MS = 2500;
// One that is lost is followed by the next.
setInterval(() => void fetch("heartbeats", { method: "POST" }).catch(() => {}), HEARTBEAT_MS);

worker.postMessage({ base: location.href, openedAt: performance.timeOrigin } satisfies Begin);
