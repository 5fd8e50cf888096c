import { type Steadiness, steadinessOf } from "@softmax-bench/stats";
import { measure } from "mitata";
import type { SamplingLimits } from "../profiles.js";
import { backgroundNs } from "./compilation.js";

type Work = () => Promise<unknown>;
type Clock = () => number;

/** Monotonic time in nanoseconds. */
export const now = (): number => Number(process.hrtime.bigint());

/** What sampling needs of its host; a test hands in a clock of its own. */
export interface Instruments {
  /** Monotonic time in nanoseconds. */
  readonly now: () => number;
  /** Nanoseconds that the JavaScript engine has spent on optimising code beside the main thread; undefined if unknown. */
  readonly backgroundNs: () => number | undefined;
}

const NODE: Instruments = { now, backgroundNs };

/** Times of one phase. */
export interface Sampled {
  /** Nanoseconds per call, in the order taken. */
  readonly samples: readonly number[];
  /** Calls that each sample is the mean of. */
  readonly callsPerSample: number;
  readonly steadiness: Steadiness;
  /** Nanoseconds spent before the window that the samples are of. */
  readonly settlingNs: number;
}

/**
 * Samples a phase when its times have stopped changing. Windows of samples are taken until those of the last half of the
 * time show no drift while V8 was not optimising anything, or until the time for that is used up; the last two count. Half of
 * the time since the first call, since a series that is still falling falls by as much again in the time that it has taken.
 */
export async function sample(
  work: Work,
  limits: SamplingLimits,
  instruments: Instruments = NODE,
): Promise<Sampled> {
  const { now } = instruments;
  const begun = now();
  const callNs = await warmUp(work, now);
  collectLargeGarbage();
  const size = fitToLimits(callNs, limits);
  const windows: Window[] = [];
  for (;;) {
    const window = await takeWindow(work, size, instruments);
    windows.push(window);
    const elapsed = window.end - begun;
    const recent = windows.filter(({ end }) => end - begun >= elapsed / 2);
    const drift = steadinessOf(recent.flatMap(({ samples }) => samples));
    const steadiness = drift === "settled" && window.wasOptimising ? "unsettled" : drift;
    const hasTimeForAnother = elapsed + (window.end - window.start) <= limits.settleNs;
    if ((steadiness === "settled" && recent.length > 1) || !hasTimeForAnother) {
      const kept = recent.slice(-2);
      return {
        samples: kept.flatMap(({ samples }) => samples),
        callsPerSample: size.callsPerSample,
        steadiness,
        settlingNs: (kept[0] ?? window).start - begun,
      };
    }
  }
}

/** Like `sample`, for work that times parts of itself: samples of each part. Its calls are never batched. */
export async function sampleParts<Part extends string>(
  work: () => Promise<Readonly<Record<Part, number>>>,
  limits: SamplingLimits,
): Promise<{ readonly parts: Record<Part, number[]>; readonly steadiness: Steadiness }> {
  const calls: Readonly<Record<Part, number>>[] = [];
  const { samples, steadiness } = await sample(async () => calls.push(await work()), {
    ...limits,
    batchNs: 0,
  });
  const sampled = calls.slice(-samples.length);
  const names = Object.keys(sampled[0] ?? {}) as Part[];
  const parts = Object.fromEntries(names.map((part) => [part, sampled.map((call) => call[part])])) as Record<
    Part,
    number[]
  >;
  return { parts, steadiness };
}

/**
 * Calls that do not count: ONNX Runtime allocates in the first run, and again in the second, by the pattern that the
 * first has shown. Work that takes longer than a second gets one.
 */
const WARMUP_CALLS = 2;
const VERY_SLOW_CALL = 1e9;

/** Returns the fastest call's time, in nanoseconds. */
async function warmUp(work: Work, now: Clock): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let call = 0; call < WARMUP_CALLS && !(fastest > VERY_SLOW_CALL && call > 0); call++) {
    const start = now();
    await work();
    fastest = Math.min(fastest, now() - start);
  }
  return fastest;
}

interface Window {
  readonly samples: readonly number[];
  readonly start: number;
  readonly end: number;
  readonly wasOptimising: boolean;
}

interface WindowSize {
  readonly minSamples: number;
  readonly maxSamples: number;
  readonly windowNs: number;
  readonly callsPerSample: number;
}

/**
 * mitata paces a window and batches fast calls: a sample is the mean of a fixed number of them, so that the clock, which costs
 * 0.1 µs, and single interruptions weigh little. The number is fixed here, since mitata's own rule flips between 1 and 4,096 calls for
 * work of about 50 µs. Its list comes back sorted and, above 12 entries, without the extremes, so samples in order
 * are taken from the clock that it is given.
 */
async function takeWindow(
  work: Work,
  { minSamples, maxSamples, windowNs, callsPerSample }: WindowSize,
  instruments: Instruments,
): Promise<Window> {
  const { now } = instruments;
  const start = now();
  const isOptimising = watchOptimisation(instruments);
  const ticks: number[] = [];
  const clock = () => {
    const tick = now();
    ticks.push(tick);
    return tick;
  };
  let warmup = MITATA_WARMUP_CALLS;
  await measure(() => (warmup-- > 0 ? SKIPPED : work()), {
    now: clock,
    min_samples: minSamples,
    max_samples: maxSamples,
    min_cpu_time: windowNs,
    warmup_samples: 1,
    warmup_threshold: Number.POSITIVE_INFINITY,
    batch_threshold: Number.POSITIVE_INFINITY,
    batch_samples: callsPerSample,
    batch_unroll: 1,
    ...NO_GC,
  });
  return {
    samples: pairs(ticks).map(([before, after]) => (after - before) / callsPerSample),
    start,
    end: now(),
    wasOptimising: isOptimising(),
  };
}

/** mitata makes two calls before its first sample: the work is warm already, and may be slow. */
const MITATA_WARMUP_CALLS = 2;
const SKIPPED = Promise.resolve();

/** mitata would collect before every list of samples; its types leave the option out. */
const NO_GC = { gc: false } as object;

/** Arrays outside the JavaScript heap, in bytes, that are worth a collection before sampling. */
const LARGE_GARBAGE = 64 * 2 ** 20;

/** One phase does not pay for the garbage of the one before. A collection takes 10 ms: small cells go without. */
function collectLargeGarbage(): void {
  if (process.memoryUsage().arrayBuffers > LARGE_GARBAGE) globalThis.gc?.();
}

/** Share of a window that V8's threads may compute in, all together, without its code being taken as unfinished. */
const QUIET = 0.1;

/** Whether the engine was optimising code from the call on until that of the result. */
function watchOptimisation({ now, backgroundNs }: Instruments): () => boolean {
  const [start, before] = [now(), backgroundNs()];
  return () => {
    const after = backgroundNs();
    if (before === undefined || after === undefined) return false;
    return after - before > QUIET * (now() - start);
  };
}

function fitToLimits(
  callNs: number,
  { windowNs, minSamples, capNs, floorSamples, maxSamples, batchNs }: SamplingLimits,
): WindowSize {
  const callsPerSample = Math.max(1, Math.round(batchNs / callNs));
  const affordable = Math.max(
    floorSamples,
    Math.min(maxSamples, Math.floor(capNs / (callNs * callsPerSample))),
  );
  return {
    windowNs,
    callsPerSample,
    minSamples: Math.min(minSamples, affordable),
    maxSamples: affordable,
  };
}

function pairs(ticks: readonly number[]): [number, number][] {
  return Array.from({ length: ticks.length >> 1 }, (_, index) => [
    ticks[2 * index] as number,
    ticks[2 * index + 1] as number,
  ]);
}
