import { type Parent, startMeasuring } from "./measuring.js";

/** The measuring side, in a worker of the page. Its first message says where the page is and when it was opened; each other one is a request. */
interface Begin {
  readonly base: string;
  /** Milliseconds since the epoch. */
  readonly openedAt: number;
}

/** The parent, through HTTP. */
const parentAt = (base: string): Parent => {
  const post = (path: string, body: BodyInit) => fetch(new URL(path, base), { method: "POST", body });
  return {
    async readInputs(from, bytes) {
      const response = await fetch(new URL(`inputs?from=${from}&bytes=${bytes}`, base));
      return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined;
    },
    async sendResults(parts) {
      await post("results", new Blob([...parts]));
    },
    fail: (message) => void post("failures", message),
  };
};

let respond: ReturnType<typeof startMeasuring> | undefined;

addEventListener("message", async ({ data }: MessageEvent<Begin | string>) => {
  if (typeof data !== "string") {
    respond = startMeasuring({ ...data, parent: parentAt(data.base) });
    return;
  }
  const reply = await respond?.(data);
  if (reply !== undefined) postMessage(reply);
});
