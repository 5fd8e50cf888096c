import type { Platform } from "@softmax-bench/measure";
import { backgroundNs } from "./compilation.js";

/** The instruments of a Node process. Garbage can be collected if it was started with `--expose-gc`. */
export const nodePlatform: Platform = {
  now: () => Number(process.hrtime.bigint()),
  // performance.now() counts from the start of the process.
  sinceStart: () => performance.now() * 1e6,
  backgroundNs,
  arrayBytes: () => process.memoryUsage().arrayBuffers,
  residentBytes: () => process.memoryUsage.rss(),
  peakResidentBytes: () => process.resourceUsage().maxRSS * 1024,
  collectGarbage: globalThis.gc && (() => globalThis.gc?.()),
};
