import { type Platform, SERVE, type Thread, type ThreadData } from "./platform.js";

/** The program of a thread. */
const PROGRAM = `${SERVE}
addEventListener("message", ({ data }) => serve(data, () => {}, () => postMessage("ready")), { once: true });
`;

export const browser: Platform = {
  async inflate(bytes) {
    const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return new Uint8Array(await new Response(inflated).arrayBuffer());
  },
  startThread,
  bytesOf: ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  copy: (from, to, at = 0) => to.set(from, at),
};

function startThread(data: ThreadData): Thread {
  const address = URL.createObjectURL(new Blob([PROGRAM], { type: "text/javascript" }));
  const worker = new Worker(address, { type: "module" });
  let hasEnded = false;
  const ready = new Promise<void>((resolve, reject) => {
    worker.addEventListener("message", () => resolve(), { once: true });
    worker.addEventListener("error", ({ message }) => {
      hasEnded = true;
      // Refused by the page's Content-Security-Policy, it ends without a message.
      reject(
        new Error(
          `a thread of the kernel ended before it was ready: ${message ?? "is worker-src blob: allowed?"}`,
        ),
      );
    });
  });
  const release = () => URL.revokeObjectURL(address);
  ready.then(release, release);
  worker.postMessage(data);
  return {
    ready,
    isAlive: () => !hasEnded,
    onEnd: (callback) => worker.addEventListener("error", ({ message }) => callback(new Error(message))),
    async terminate() {
      hasEnded = true;
      worker.terminate();
    },
  };
}
