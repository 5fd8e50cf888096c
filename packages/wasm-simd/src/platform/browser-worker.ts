import { instantiate } from "../module.js";
import { serveUntilStopped } from "../serve.js";
import type { ThreadData } from "./thread.js";

/** A thread of the kernel in a browser. */
addEventListener(
  "message",
  ({ data }: MessageEvent<ThreadData>) => {
    const { module, memory, thread } = data;
    const kernel = instantiate(module, memory);
    postMessage("ready");
    serveUntilStopped(kernel, memory, thread);
  },
  { once: true },
);
