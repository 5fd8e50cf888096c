import { type Parent, startMeasuring } from "./measuring.js";
import { fetchWithRetry } from "./retry.js";

/** The measuring side, in a worker of the page. */

/** The first message to the worker. */
export interface Begin {
  /** The address of the page. */
  readonly base: string;
  /** Time when the page was opened, in milliseconds since the epoch. */
  readonly openedAt: number;
}

/** Each further message: a request of the parent, as JSON. */
export interface NumberedRequest {
  readonly number: number;
  readonly request: string;
}

/** A message of the worker: a part of the page did not load. */
export interface FromWorker {
  readonly missing: string;
}

/** The parent, through HTTP. */
const parentAt = (base: string): Parent & { reply(reply: string): Promise<void> } => {
  const post = async (path: string, body: BodyInit) => {
    await fetchWithRetry(new URL(path, base), { method: "POST", body });
  };
  return {
    async readInputs(from, bytes) {
      const { ok, body } = await fetchWithRetry(new URL(`inputs?from=${from}&bytes=${bytes}`, base));
      return ok ? new Uint8Array(body) : undefined;
    },
    sendResults: (parts) => post(`results?to=${current}`, new Blob([...parts])),
    fail: (message) => void post("failures", message),
    reply: (reply) => post(`replies?to=${current}`, reply),
  };
};

/** Messages of browsers, and of a runtime, about a request without an answer, or a module that did not load. */
const MISSING =
  /Failed to fetch|NetworkError|network error|Load failed|dynamically imported module|Importing a module script failed|fetching of the wasm failed/;

/** The fault in a reply because of which the page is worth loading again: a backend did not start since a part of it did not load. */
function findMissing(reply: string): string | undefined {
  const { type, reason = "" } = JSON.parse(reply);
  return type !== "opened" && MISSING.test(reason) ? reason : undefined;
}

/** The number of the request that is served. */
let current = 0;
let parent: ReturnType<typeof parentAt> | undefined;
let respond: ReturnType<typeof startMeasuring> | undefined;

addEventListener("message", async ({ data }: MessageEvent<Begin | NumberedRequest>) => {
  if ("base" in data) {
    parent = parentAt(data.base);
    respond = startMeasuring({ ...data, parent });
    return;
  }
  current = data.number;
  const reply = await respond?.(data.request);
  if (reply === undefined) return;
  // The first request opens a backend. Later ones depend on it, and a page that is loaded again has lost it.
  const missing = data.number === 1 ? findMissing(reply) : undefined;
  if (missing === undefined) await parent?.reply(reply);
  else postMessage({ missing } satisfies FromWorker);
});
