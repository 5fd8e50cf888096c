import { measure } from "mitata";
import type { SamplingLimits } from "../profiles.js";

type Work = () => Promise<unknown>;

/** Monotonic time in nanoseconds. */
export const now = (): number => Number(process.hrtime.bigint());

/** What the phases before have shown: about how long a call takes, its kernels being warm. */
interface Known {
  readonly expectedNs?: number;
}

/**
 * Nanoseconds per call, in the order in which the calls were made.
 *
 * mitata paces the sampling. Its own list comes back sorted and, above 12 entries, without the extremes, so
 * the raw samples are taken from the clock that it is given. Batching is off, since it flips between 1 and 4096
 * calls a sample for fast work.
 */
export async function sample(work: Work, limits: SamplingLimits, known: Known = {}): Promise<number[]> {
  const callNs = await warmUp(work, limits.warmupNs, known);
  const { minSamples, maxSamples } = fitToCap(callNs, limits);
  collectLargeGarbage();
  const ticks: number[] = [];
  const clock = () => {
    const tick = now();
    ticks.push(tick);
    return tick;
  };
  let calls = 0;
  await measure(() => (calls++ === 0 ? SKIPPED : work()), {
    now: clock,
    min_samples: minSamples,
    max_samples: maxSamples,
    min_cpu_time: limits.budgetNs,
    warmup_samples: 0,
    batch_threshold: 0,
    ...NO_GC,
  });
  return pairs(ticks).map(([start, end]) => end - start);
}

/** Like `sample`, for work that times parts of itself: a list per part, one entry per call. */
export async function sampleParts<Part extends string>(
  work: () => Promise<Readonly<Record<Part, number>>>,
  limits: SamplingLimits,
  known: Known = {},
): Promise<Record<Part, number[]>> {
  const calls: Readonly<Record<Part, number>>[] = [];
  const { length } = await sample(async () => calls.push(await work()), limits, known);
  const sampled = calls.slice(-length);
  const parts = Object.keys(sampled[0] ?? {}) as Part[];
  return Object.fromEntries(parts.map((part) => [part, sampled.map((call) => call[part])])) as Record<
    Part,
    number[]
  >;
}

/** What mitata gets for the one call that it warms up with: the work is warm already, and may be slow. */
const SKIPPED = Promise.resolve();

/** mitata would collect before every list of samples; its types leave the option out. */
const NO_GC = { gc: false } as object;

/** Arrays outside the JavaScript heap, in bytes, that are worth a collection before sampling. */
const LARGE_GARBAGE = 64 * 2 ** 20;

/** One phase does not pay for the garbage of the one before. A collection takes 10 ms: small cells go without. */
function collectLargeGarbage(): void {
  if (process.memoryUsage().arrayBuffers > LARGE_GARBAGE) globalThis.gc?.();
}

/** A call that is expected to take longer than this, in nanoseconds, is not warmed up a second time. */
const SLOW_CALL = 50e6;

/**
 * Calls that do not count, at least: ONNX Runtime allocates in the first run, and again in the second, by the
 * pattern that the first has shown. Work that takes longer than a second gets one.
 */
const WARMUP_CALLS = 2;
const VERY_SLOW_CALL = 1e9;

/** Repeats the work until time and calls are used up; returns the fastest call's time. */
async function warmUp(work: Work, warmupNs: number, { expectedNs = 0 }: Known): Promise<number> {
  if (expectedNs > SLOW_CALL) return expectedNs;
  const started = now();
  let fastest = Number.POSITIVE_INFINITY;
  for (let calls = 1; ; calls++) {
    const start = now();
    await work();
    const end = now();
    fastest = Math.min(fastest, end - start);
    const enough = calls >= WARMUP_CALLS || fastest > VERY_SLOW_CALL;
    if (enough && end - started >= warmupNs) return fastest;
  }
}

function fitToCap(callNs: number, { floorSamples, minSamples, maxSamples, capNs }: SamplingLimits) {
  const affordable = Math.max(floorSamples, Math.min(maxSamples, Math.floor(capNs / callNs)));
  return { minSamples: Math.min(minSamples, affordable), maxSamples: affordable };
}

function pairs(ticks: readonly number[]): [number, number][] {
  return Array.from({ length: ticks.length >> 1 }, (_, index) => [
    ticks[2 * index] as number,
    ticks[2 * index + 1] as number,
  ]);
}
