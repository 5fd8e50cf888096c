import type { Engine, GradientResult, GradientTask, Prepared } from "@softmax-bench/core";
import type { Values } from "../exchange.js";
import type { Profile } from "../profiles.js";
import type { Computed, Reply } from "../protocol.js";
import type { InputSets } from "./input-reader.js";
import { now, sample, sampleParts } from "./sample.js";

/** What a worker says, and the arrays that it leaves in the exchange. */
export interface Answer {
  readonly reply: Reply;
  readonly results?: readonly Values[];
}

/** Compiles a task, samples each phase on the first set of inputs if a profile is given, and computes all sets. */
export async function compute(
  engine: Engine,
  task: GradientTask,
  sets: InputSets,
  profile: Profile | undefined,
): Promise<Answer> {
  const support = engine.supports(task);
  if (!support.ok) return { reply: { type: "unsupported", reason: support.reason } };

  const start = now();
  await using prepared = await engine.prepare(task, sets.inputs);
  const compiled = now();
  const sampled = profile ? await samplePhases(prepared, profile) : undefined;
  const results = [copyOf(sampled?.result ?? (await prepared.read()), sets.count)];
  for (let set = 1; set < sets.count; set++) {
    sets.load(set);
    await prepared.upload();
    results.push(copyOf(await prepared.read(), sets.count));
  }
  return {
    results: results.flatMap(({ loss, gradient }) => [loss, gradient]),
    reply: {
      type: "computed",
      ...(support.note ? { note: support.note } : {}),
      ...(sampled ? { samples: sampled.samples } : {}),
      readback: prepared.readback,
      ...finished(start, compiled),
    },
  };
}

/** What is told of all work that is done now: when it began, when it was compiled, in ns of `now()`. */
export const finished = (start: number, compiled: number) => ({
  peakRssBytes: process.resourceUsage().maxRSS * 1024,
  spent: { prepare: compiled - start, measure: now() - compiled },
});

/** A runtime may hand out its own memory, which the next set overwrites. */
const copyOf = (result: GradientResult, sets: number): GradientResult =>
  sets === 1 ? result : { loss: result.loss.slice(), gradient: result.gradient.slice() };

interface Sampled {
  readonly samples: NonNullable<Computed["samples"]>;
  /** What the last round trip returned. */
  readonly result: GradientResult | undefined;
}

/**
 * A first round trip decides how the cell is sampled: fast ones phase by phase, slow ones by a few more round trips,
 * which hold every phase but `forward`, and very slow ones by that first one alone.
 */
async function samplePhases(prepared: Prepared, profile: Profile): Promise<Sampled> {
  const timeRoundtrip = roundtripOf(prepared);
  const { limits, onceNs, slowNs, slowSamples } = profile;
  if (profile.timesOnly) return sampleGradient(prepared, profile);
  let timed = await timeRoundtrip();
  if (timed.spans.roundtrip > onceNs) return fromRoundtrips([timed]);
  // The first gradient is slower than the rest, so it takes two slow ones to call a cell slow.
  if (timed.spans.gradient > slowNs) timed = await timeRoundtrip();
  if (timed.spans.gradient > slowNs) {
    const roundtrips = [timed];
    while (roundtrips.length < slowSamples) roundtrips.push(await timeRoundtrip());
    return fromRoundtrips(roundtrips);
  }
  const warm = { expectedNs: timed.spans.gradient };
  const gradient = await sample(() => prepared.gradient(), limits.gradient, warm);
  const forward = await sample(() => prepared.forward(), limits.other);
  const { roundtrip, readback } = await sampleParts(
    async () => {
      timed = await timeRoundtrip();
      return timed.spans;
    },
    limits.other,
    // The same computation as the gradient phase, so it is warm.
    { expectedNs: Math.min(...gradient) },
  );
  return { result: timed.result, samples: { forward, gradient, readback, roundtrip } };
}

/** The gradient phase alone, after reading the gradient once: that is needed anyway, and warms up a slow one. */
async function sampleGradient(prepared: Prepared, { limits }: Profile): Promise<Sampled> {
  const start = now();
  const result = await prepared.read();
  const gradient = await sample(() => prepared.gradient(), limits.gradient, { expectedNs: now() - start });
  return { result, samples: { forward: [], gradient, readback: [], roundtrip: [] } };
}

function fromRoundtrips(roundtrips: readonly TimedRoundtrip[]): Sampled {
  const spans = (part: keyof Spans) => roundtrips.map((timed) => timed.spans[part]);
  return {
    result: roundtrips.at(-1)?.result,
    samples: {
      forward: [],
      gradient: spans("gradient"),
      readback: spans("readback"),
      roundtrip: spans("roundtrip"),
    },
  };
}

type Spans = Readonly<Record<"gradient" | "readback" | "roundtrip", number>>;

interface TimedRoundtrip {
  readonly result: GradientResult;
  readonly spans: Spans;
}

/** How a round trip of this kind is timed. */
function roundtripOf(prepared: Prepared): () => Promise<TimedRoundtrip> {
  const overlapping = prepared.roundtrip?.bind(prepared);
  if (overlapping) return () => timeOverlapping(prepared, overlapping);
  return () => (prepared.readback === "copies" ? timeCopying(prepared) : timeRecomputing(prepared));
}

/** Upload, gradient and read back, one after the other. */
async function timeCopying(prepared: Prepared): Promise<TimedRoundtrip> {
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
 * Where reading computes again, what it costs beyond a gradient is a difference, taken between neighbours so
 * that drift stays out; noise below 0 counts as 0.
 */
async function timeRecomputing(prepared: Prepared): Promise<TimedRoundtrip> {
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

/** Where the runtime overlaps the parts of a round trip, they are timed beside it. */
async function timeOverlapping(
  prepared: Prepared,
  roundtrip: () => Promise<GradientResult>,
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
