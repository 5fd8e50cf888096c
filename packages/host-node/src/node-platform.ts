import { readFileSync } from "node:fs";
import { getPriority } from "node:os";
import type { Platform } from "@softmax-bench/measure";
import { backgroundNs } from "./compilation.js";
import { otherCores } from "./other-cores.js";

/** The instruments of a Node process. Garbage can be collected if it was started with `--expose-gc`. */
export const nodePlatform: Platform = {
  now: () => Number(process.hrtime.bigint()),
  // performance.now() counts from the start of the process.
  sinceStart: () => performance.now() * 1e6,
  backgroundNs,
  arrayBytes: () => process.memoryUsage().arrayBuffers,
  residentBytes: () => process.memoryUsage.rss(),
  peakResidentBytes,
  otherCores,
  // The simulator recognises the function of libuv behind it, which nothing else here calls.
  mark: () => void getPriority(),
  collectGarbage: globalThis.gc && (() => globalThis.gc?.()),
};

/** The largest resident set of this program. What `getrusage` reports begins with that of the process that started it. */
function peakResidentBytes(): number {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // Only Linux has the file.
  }
  return process.resourceUsage().maxRSS * 1024;
}
