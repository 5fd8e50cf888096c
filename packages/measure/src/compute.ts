import {
  ContractError,
  DTYPES,
  type Engine,
  findForeign,
  type GradientResult,
  type GradientTask,
  type Prepared,
} from "@softmax-bench/core";
import { type Answer, resourceUse } from "./answer.js";
import { lossLength } from "./arrays.js";
import { CoreMonitor } from "./core-monitor.js";
import type { InputSets } from "./input-reader.js";
import type { Platform } from "./platform.js";
import type { Computed } from "./protocol.js";
import { createInstruments, type ProcessHistory, type Sampled, sample, sampleParts } from "./sample.js";
import type { Sampling } from "./sampling-limits.js";

/** Compiles a task, samples its phases on the first set of inputs if it is timed, and computes all sets. */
export async function compute(
  engine: Engine,
  task: GradientTask,
  sets: InputSets,
  sampling: Sampling | undefined,
  platform: Platform,
  history: ProcessHistory,
): Promise<Answer> {
  const support = engine.supports(task);
  if (!support.ok) return { reply: { type: "unsupported", reason: support.reason } };

  const start = platform.now();
  await using prepared = await engine.prepare(task, sets.inputs, { forward: sampling?.phases === "all" });
  const compiled = platform.now();
  const sampled = sampling
    ? await samplePhases(prepared, sampling, platform, engine.info.threads, history)
    : undefined;
  const checked = (result: GradientResult) => copyResult(requireResult(task, result), sets.count);
  const results = [checked(sampled?.result ?? (await prepared.read()))];
  for (let set = 1; set < sets.count; set++) {
    await sets.load(set);
    await prepared.upload();
    results.push(checked(await prepared.read()));
  }
  return {
    results: results.flatMap(({ loss, gradient }) => [loss, gradient]),
    reply: {
      type: "computed",
      ...(support.note ? { note: support.note } : {}),
      ...(sampled ? { samples: sampled.samples, sampling: sampled.record } : {}),
      readback: prepared.readback,
      ...resourceUse(platform, start, compiled, sampled?.record.settlingNs),
    },
  };
}

/** @throws ContractError if the loss or the gradient is not an array of the task's size, with values of its dtype */
function requireResult(task: GradientTask, result: GradientResult | undefined): GradientResult {
  const { dtype, rows, classes } = task;
  const lengths = { loss: lossLength(task), gradient: rows * classes };
  for (const [name, length] of Object.entries(lengths) as [keyof GradientResult, number][]) {
    const array: unknown = result?.[name];
    if (!(array instanceof DTYPES[dtype].Array && array.length === length)) {
      throw new ContractError(
        `read: expected a ${name} that is a ${DTYPES[dtype].Array.name} of ${length}, got ${kindOf(array)}`,
      );
    }
    const foreign = findForeign(dtype, array);
    if (foreign >= 0) {
      throw new ContractError(
        `read: expected a ${name} of ${dtype} values, got ${array[foreign]} at ${foreign}`,
      );
    }
  }
  return result as GradientResult;
}

/** `Float64Array of 6`, `number`. */
function kindOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return value === null ? "null" : typeof value;
  const { name } = value.constructor ?? Object;
  return "length" in value ? `${name} of ${value.length}` : name;
}

/** Copies a result, since a runtime may return its own memory, which the next set overwrites. */
const copyResult = (result: GradientResult, sets: number): GradientResult =>
  sets === 1 ? result : { loss: result.loss.slice(), gradient: result.gradient.slice() };

interface SampledPhases {
  readonly samples: NonNullable<Computed["samples"]>;
  readonly record: NonNullable<Computed["sampling"]>;
  /** The result of the last round trip. */
  readonly result: GradientResult | undefined;
}

/**
 * Samples the phases. A first round trip decides the method: fast cells phase by phase, slow ones by a few more round
 * trips, which cover every phase but `forward`.
 */
async function samplePhases(
  prepared: Prepared,
  sampling: Sampling,
  platform: Platform,
  threads: number,
  history: ProcessHistory,
): Promise<SampledPhases> {
  if (sampling.phases === "gradient") return sampleGradient(prepared, sampling, platform, threads, history);
  const timeRoundtrip = roundtripTimer(prepared, platform.now);
  const { limits, singleShotAboveNs = Number.POSITIVE_INFINITY, singleShots } = sampling;
  const cores = new CoreMonitor(platform, threads, sampling);
  const instruments = createInstruments(platform, cores, history);
  let timed = await timeRoundtrip();
  // The first gradient is slower than the rest, so only two slow ones make a cell slow.
  if (timed.spans.gradient > singleShotAboveNs) {
    const roundtrips: TimedRoundtrip[] = [];
    do roundtrips.push(await timeRoundtrip());
    while (roundtrips.length < singleShots && isSlow(roundtrips, singleShotAboveNs));
    if (isSlow(roundtrips, singleShotAboveNs)) return fromRoundtrips(roundtrips);
  }
  const gradient = await sample(() => prepared.gradient(), limits.gradient, instruments);
  const forward =
    sampling.phases === "all" ? await sample(() => prepared.forward(), limits.other, instruments) : undefined;
  const { parts, steadiness, ...roundtrips } = await sampleParts(
    async () => {
      timed = await timeRoundtrip();
      return timed.spans;
    },
    limits.other,
    instruments,
  );
  return {
    result: timed.result,
    samples: {
      forward: [...(forward?.samples ?? [])],
      gradient: [...gradient.samples],
      readback: parts.readback,
      roundtrip: parts.roundtrip,
    },
    record: {
      callsPerSample: {
        gradient: gradient.callsPerSample,
        ...(forward ? { forward: forward.callsPerSample } : {}),
      },
      steadiness: {
        gradient: gradient.steadiness,
        ...(forward ? { forward: forward.steadiness } : {}),
        readback: steadiness,
        roundtrip: steadiness,
      },
      settlingNs: gradient.settlingNs,
      ...disturbance([gradient, roundtrips, ...(forward ? [forward] : [])], cores),
    },
  };
}

/** The fastest probes, and the share of the time in which the cores were disturbed. */
const disturbance = (
  sampled: readonly Pick<Sampled, "windowsNs" | "disturbedNs">[],
  { fastest }: CoreMonitor,
) => ({
  ...fastest,
  windowsNs: sampled.reduce((sum, { windowsNs }) => sum + windowsNs, 0),
  disturbedNs: sampled.reduce((sum, { disturbedNs }) => sum + disturbedNs, 0),
});

const isSlow = (roundtrips: readonly TimedRoundtrip[], singleShotAboveNs: number): boolean =>
  roundtrips.every(({ spans }) => spans.gradient > singleShotAboveNs);

/** The gradient phase alone, after reading the gradient once, which is needed anyway and warms up. */
async function sampleGradient(
  prepared: Prepared,
  sampling: Sampling,
  platform: Platform,
  threads: number,
  history: ProcessHistory,
): Promise<SampledPhases> {
  const result = await prepared.read();
  const cores = new CoreMonitor(platform, threads, sampling);
  const sampled = await sample(
    () => prepared.gradient(),
    sampling.limits.gradient,
    createInstruments(platform, cores, history),
  );
  const { samples, callsPerSample, steadiness, settlingNs } = sampled;
  return {
    result,
    samples: { forward: [], gradient: [...samples], readback: [], roundtrip: [] },
    record: {
      callsPerSample: { gradient: callsPerSample },
      steadiness: { gradient: steadiness },
      settlingNs,
      ...disturbance([sampled], cores),
    },
  };
}

/** A few round trips are too few to tell whether they have settled. */
function fromRoundtrips(roundtrips: readonly TimedRoundtrip[]): SampledPhases {
  const spans = (part: keyof Spans) => roundtrips.map((timed) => timed.spans[part]);
  return {
    result: roundtrips.at(-1)?.result,
    samples: {
      forward: [],
      gradient: spans("gradient"),
      readback: spans("readback"),
      roundtrip: spans("roundtrip"),
    },
    record: {
      callsPerSample: {},
      steadiness: { gradient: "untested", readback: "untested", roundtrip: "untested" },
      settlingNs: 0,
    },
  };
}

type Clock = Platform["now"];
type Spans = Readonly<Record<"gradient" | "readback" | "roundtrip", number>>;

interface TimedRoundtrip {
  readonly result: GradientResult;
  readonly spans: Spans;
}

/** The timing of this kind of round trip. */
function roundtripTimer(prepared: Prepared, now: Clock): () => Promise<TimedRoundtrip> {
  const overlapping = prepared.roundtrip?.bind(prepared);
  if (overlapping) return () => timeOverlapping(prepared, overlapping, now);
  return () => (prepared.readback === "copies" ? timeCopying(prepared, now) : timeRecomputing(prepared, now));
}

/** Times upload, gradient and readback, one after the other. */
async function timeCopying(prepared: Prepared, now: Clock): Promise<TimedRoundtrip> {
  const start = now();
  await prepared.upload();
  const uploaded = now();
  await prepared.gradient();
  const computed = now();
  const result = await prepared.read();
  const end = now();
  return {
    result,
    spans: { gradient: computed - uploaded, readback: end - computed, roundtrip: end - start },
  };
}

/**
 * Times a round trip in which reading computes again. The cost beyond a gradient is a difference between neighbours,
 * which excludes drift. Noise below 0 counts as 0.
 */
async function timeRecomputing(prepared: Prepared, now: Clock): Promise<TimedRoundtrip> {
  const before = now();
  await prepared.gradient();
  const start = now();
  await prepared.upload();
  const uploaded = now();
  const result = await prepared.read();
  const end = now();
  const gradient = start - before;
  const readback = Math.max(0, end - uploaded - gradient);
  return { result, spans: { gradient, readback, roundtrip: end - start } };
}

/** Times the parts beside the round trip, in which the runtime overlaps them. */
async function timeOverlapping(
  prepared: Prepared,
  roundtrip: () => Promise<GradientResult>,
  now: Clock,
): Promise<TimedRoundtrip> {
  const before = now();
  await prepared.gradient();
  const computed = now();
  await prepared.read();
  const start = now();
  const result = await roundtrip();
  const end = now();
  return {
    result,
    spans: { gradient: computed - before, readback: start - computed, roundtrip: end - start },
  };
}
