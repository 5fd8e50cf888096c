import { FEWEST_TO_TEST, type Steadiness, testSteadiness } from "@softmax-bench/stats";
import { measure } from "mitata";
import type { CoreMonitor } from "./core-monitor.js";
import type { Platform } from "./platform.js";
import type { SamplingLimits } from "./sampling-limits.js";

type Work = () => Promise<unknown>;
type Clock = () => number;

/** The instruments that sampling reads; a test passes its own clock. */
export interface Instruments
  extends Pick<Platform, "now" | "clockStepNs" | "backgroundNs" | "arrayBytes" | "collectGarbage"> {
  /** Returns whether the threads that compute have their cores to themselves, near each other, at the moment. */
  readonly isUndisturbed: () => boolean;
  readonly history: ProcessHistory;
}

/** The sampling that a process has done. */
export interface ProcessHistory {
  /** Time in windows, in nanoseconds. */
  sampledNs: number;
}

export const createInstruments = (
  platform: Platform,
  cores: CoreMonitor,
  history: ProcessHistory,
): Instruments => ({
  ...platform,
  isUndisturbed: () => cores.isUndisturbed(),
  history,
});

/** Times of one phase. */
export interface Sampled {
  /** Nanoseconds per call, in the order taken. */
  readonly samples: readonly number[];
  /** Calls per sample, which is their mean. */
  readonly callsPerSample: number;
  readonly steadiness: Steadiness;
  /** Nanoseconds spent before the window that contains the samples. */
  readonly settlingNs: number;
  /** Times of the samples, in nanoseconds of the clock. */
  readonly intervals: readonly { readonly start: number; readonly end: number }[];
  /** Nanoseconds that all windows took, and those in which the cores were disturbed. */
  readonly windowsNs: number;
  readonly disturbedNs: number;
}

/**
 * Samples a phase when its times have stopped changing. Windows of samples are taken until those of the last half of
 * the time show no drift, or until the time limit for that. The later half of them counts. It is half of the time since
 * the first call, since a series that is still falling falls by as much again in the time that it has taken.
 *
 * Only clean windows count: the engine optimised no code meanwhile, and the core was undisturbed before and after,
 * according to a separate measurement. Leaving out slow samples would make every time look better than it is. Sampling
 * waits for disturbances to end, up to a limit. Without any clean window the times are those of the others, and
 * unsettled.
 *
 * A process is slow in its first seconds, although its times look steady then. Its first phase lasts until it has sampled
 * for a while, and the limits begin after that.
 *
 * An engine that cannot be watched, such as a browser's, may optimise at any time. There, windows count only after half
 * of the time limit, which is extended by that: times of code that waits to be optimised are flat, too, and up to a
 * hundred times too long.
 */
export async function sample(work: Work, limits: SamplingLimits, instruments: Instruments): Promise<Sampled> {
  const { now, isUndisturbed, history } = instruments;
  const begun = now();
  let callNs = await warmUp(work, now);
  collectLargeGarbage(instruments);
  let size = fitToLimits(callNs, limits, instruments.clockStepNs);
  const waitNs = instruments.backgroundNs() === undefined ? limits.settleNs / 2 : 0;
  const windows: Window[] = [];
  let wasUndisturbed = isUndisturbed();
  let windowsNs = 0;
  let disturbedNs = 0;
  /** Time of windows that do not count for being disturbed alone. */
  let waitedNs = 0;
  let warmAt = begun;
  for (;;) {
    const isOptimising = watchOptimisation(instruments, begun + waitNs);
    const taken = await takeWindow(work, size, instruments);
    const wasOptimising = isOptimising();
    const isUndisturbedNow = isUndisturbed();
    const window: Window = { ...taken, wasOptimising, isUndisturbed: wasUndisturbed && isUndisturbedNow };
    wasUndisturbed = isUndisturbedNow;
    windows.push(window);
    const tookNs = window.end - window.start;
    windowsNs += tookNs;
    history.sampledNs += tookNs;
    if (!window.isUndisturbed) disturbedNs += tookNs;
    const fastestNs = Math.min(...window.samples);
    if (fastestNs < callNs / REFIT) {
      callNs = fastestNs;
      size = fitToLimits(callNs, limits, instruments.clockStepNs);
    }
    if (history.sampledNs < limits.warmUpNs) {
      warmAt = window.end;
      continue;
    }
    if (!window.isUndisturbed && !wasOptimising) waitedNs += tookNs;
    const elapsed = window.end - begun;
    const recent = windows.filter(({ end }) => end - begun >= elapsed / 2);
    const clean = recent.filter(({ isUndisturbed, wasOptimising }) => isUndisturbed && !wasOptimising);
    const isTestable = FEWEST_TO_TEST * callNs <= limits.settleNs;
    const steadiness = steadinessOfWindows(recent, clean, isTestable);
    const spentNs = window.end - Math.max(warmAt, begun + waitNs) - waitedNs;
    const hasTimeForAnother = spentNs + tookNs <= limits.settleNs && waitedNs <= limits.patienceNs;
    if ((steadiness === "settled" && clean.length > 1) || !hasTimeForAnother) {
      const candidates = latest(clean.length > 0 ? clean : recent);
      const { callsPerSample } = candidates.at(-1) ?? window;
      const kept = candidates.filter((each) => each.callsPerSample === callsPerSample);
      return {
        samples: kept.flatMap(({ samples }) => samples),
        callsPerSample,
        steadiness,
        settlingNs: (kept[0] ?? window).start - begun,
        intervals: kept,
        windowsNs,
        disturbedNs,
      };
    }
  }
}

/** The speed-up since a window's size was chosen from which it no longer fits. */
const REFIT = 2;

/** The second half, and at least two. */
const latest = (windows: readonly Window[]): readonly Window[] =>
  windows.slice(-Math.max(2, Math.ceil(windows.length / 2)));

/** @param isTestable the time limit allows for enough samples to test */
function steadinessOfWindows(
  recent: readonly Window[],
  clean: readonly Window[],
  isTestable: boolean,
): Steadiness {
  const ofWindows = (windows: readonly Window[]) => testSteadiness(windows.flatMap(({ samples }) => samples));
  const drift = ofWindows(clean);
  if (drift === "settled") return recent.at(-1)?.wasOptimising ? "unsettled" : "settled";
  // Fast enough for a test, if more windows had been clean.
  const lacksCleanWindows = clean.length < recent.length && (isTestable || ofWindows(recent) !== "untested");
  return drift === "untested" && lacksCleanWindows ? "unsettled" : drift;
}

/** Samples of each part of a work that times its parts itself. */
export interface SampledParts<Part extends string>
  extends Pick<Sampled, "steadiness" | "windowsNs" | "disturbedNs"> {
  readonly parts: Record<Part, number[]>;
}

/** Like `sample`, for work that times parts of itself: samples of each part. Its calls are never batched. */
export async function sampleParts<Part extends string>(
  work: () => Promise<Readonly<Record<Part, number>>>,
  limits: SamplingLimits,
  instruments: Instruments,
): Promise<SampledParts<Part>> {
  const calls: { readonly at: number; readonly parts: Readonly<Record<Part, number>> }[] = [];
  const timed = async () => {
    const parts = await work();
    calls.push({ at: instruments.now(), parts });
  };
  const { intervals, steadiness, windowsNs, disturbedNs } = await sample(
    timed,
    { ...limits, batchNs: 0 },
    // A call that times its own parts is a sample of its own.
    { ...instruments, clockStepNs: undefined },
  );
  const sampled = calls
    .filter(({ at }) => intervals.some(({ start, end }) => start <= at && at <= end))
    .map((call) => call.parts);
  const names = Object.keys(sampled[0] ?? {}) as Part[];
  const parts = Object.fromEntries(names.map((part) => [part, sampled.map((call) => call[part])])) as Record<
    Part,
    number[]
  >;
  return { parts, steadiness, windowsNs, disturbedNs };
}

/**
 * Calls that do not count: ONNX Runtime allocates in the first run, and again in the second, by the pattern of the
 * first. Work that takes longer than a second has one such call.
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
  readonly callsPerSample: number;
  readonly start: number;
  readonly end: number;
  readonly wasOptimising: boolean;
  readonly isUndisturbed: boolean;
}

interface WindowSize {
  readonly minSamples: number;
  readonly maxSamples: number;
  readonly windowNs: number;
  readonly callsPerSample: number;
}

/**
 * Takes a window with mitata, which paces it and batches fast calls. A sample is the mean of a fixed number of calls,
 * so that the clock, which costs 0.1 µs, and single interruptions have little weight. The number is fixed here, since
 * mitata's own rule flips between 1 and 4,096 calls for work of about 50 µs. Its list is returned sorted and, above 12
 * entries, without the extremes, so samples in order are taken from the clock that it receives.
 */
async function takeWindow(
  work: Work,
  { minSamples, maxSamples, windowNs, callsPerSample }: WindowSize,
  { now }: Instruments,
): Promise<Pick<Window, "samples" | "callsPerSample" | "start" | "end">> {
  const start = now();
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
    callsPerSample,
    start,
    end: now(),
  };
}

/** mitata makes two calls before its first sample: the work is warm already, and may be slow. */
const MITATA_WARMUP_CALLS = 2;
const SKIPPED = Promise.resolve();

/** mitata would collect garbage before every list of samples; its types omit the option. */
const NO_GC = { gc: false } as object;

/** Arrays outside the JavaScript heap, in bytes, that are worth a collection before sampling. */
const LARGE_GARBAGE = 64 * 2 ** 20;

/** Collects garbage, so that no phase pays for the one before. A collection takes 10 ms: small cells go without. */
function collectLargeGarbage({ arrayBytes, collectGarbage }: Instruments): void {
  if ((arrayBytes() ?? 0) > LARGE_GARBAGE) collectGarbage?.();
}

/** Share of a window in which V8's threads together may compute before its code is considered unfinished. */
const QUIET = 0.1;

/**
 * Returns a predicate: true if the engine was optimising code between this call and the predicate's.
 *
 * @param unwatchedUntil time until which an engine is taken to be optimising that cannot be watched
 */
function watchOptimisation({ now, backgroundNs }: Instruments, unwatchedUntil: number): () => boolean {
  const [start, before] = [now(), backgroundNs()];
  return () => {
    const after = backgroundNs();
    if (before === undefined || after === undefined) return start < unwatchedUntil;
    return after - before > QUIET * (now() - start);
  };
}

/** Fewest steps of the clock per sample if calls are batched: its length is then known to 2 %. */
const CLOCK_STEPS = 50;

function fitToLimits(
  callNs: number,
  { windowNs, minSamples, mostWindowNs, fewestSamples, maxSamples, batchNs }: SamplingLimits,
  clockStepNs = 0,
): WindowSize {
  const sampleNs = Math.max(batchNs, CLOCK_STEPS * clockStepNs);
  // Parts are timed call by call. A call then may take no time, by a coarse clock.
  const callsPerSample = Math.round(sampleNs / Math.max(callNs, clockStepNs)) || 1;
  const affordable = Math.max(
    fewestSamples,
    Math.min(maxSamples, Math.floor(mostWindowNs / (callNs * callsPerSample))),
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
