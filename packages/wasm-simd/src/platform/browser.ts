import type { Thread, ThreadData } from "./thread.js";

/** Literal addresses, since bundlers look for them. */
const CODE: Readonly<Record<string, () => URL>> = {
  simd: () => new URL("../simd.wasm", import.meta.url),
  "relaxed-simd": () => new URL("../relaxed-simd.wasm", import.meta.url),
};

/** The code of the kernel. @param name of a file beside this package's programs */
export async function readCode(name: string): Promise<BufferSource> {
  const address = CODE[name]?.();
  if (!address) throw new Error(`there is no code ${name}`);
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} answers ${response.status}`);
  return response.arrayBuffer();
}

export function startThread(data: ThreadData): Thread {
  const worker = new Worker(new URL("./browser-worker.js", import.meta.url), { type: "module" });
  let hasEnded = false;
  const ready = new Promise<void>((resolve, reject) => {
    worker.addEventListener("message", () => resolve(), { once: true });
    worker.addEventListener("error", ({ message }) => {
      hasEnded = true;
      reject(new Error(`a thread of the kernel ended before it was ready: ${message}`));
    });
  });
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

/** An array's memory. */
export const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Copies bytes to `at`. */
export const copy = (from: Uint8Array, to: Uint8Array, at = 0): void => to.set(from, at);
