import { type Engine, type GradientResult, type Inputs, methodOf, type Prepared } from "@softmax-bench/core";
import type { Profile } from "../profiles.js";
import type { Measured, MeasureRequest, Reply } from "../protocol.js";
import { now, sample, sampleParts } from "./sample.js";

export interface Measurement {
  readonly reply: Reply;
  readonly result?: GradientResult;
}

/** Measures one cell: compiles it, samples each phase, and returns the gradient that it computed. */
export async function measureCell(
  engine: Engine,
  request: MeasureRequest,
  { rows, classes }: { readonly rows: number; readonly classes: number },
  inputs: Inputs,
  profile: Profile,
): Promise<Measurement> {
  const task = { method: methodOf(request.method).id, dtype: request.dtype, rows, classes };
  const support = engine.supports(task);
  if (!support.ok) return { reply: { type: "unsupported", reason: support.reason } };

  const start = performance.now();
  await using prepared = await engine.prepare(task, inputs);
  const compiled = performance.now();
  const sampled = request.timed ? await samplePhases(prepared, profile) : undefined;
  const measured = performance.now();
  const result = sampled?.result ?? (await prepared.read());
  return {
    result,
    reply: {
      type: "measured",
      ...(support.note ? { note: support.note } : {}),
      ...(sampled ? { samples: sampled.samples } : {}),
      readback: prepared.readback,
      loss: result.loss,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      spent: { prepare: (compiled - start) * 1e6, measure: (measured - compiled) * 1e6 },
    },
  };
}

interface Sampled {
  readonly samples: NonNullable<Measured["samples"]>;
  /** What the last round trip returned. */
  readonly result: GradientResult | undefined;
}

async function samplePhases(prepared: Prepared, { limits }: Profile): Promise<Sampled> {
  const gradient = await sample(() => prepared.gradient(), limits.gradient);
  const forward = await sample(() => prepared.forward(), limits.other);
  let result: GradientResult | undefined;
  const timeRoundtrip = prepared.readback === "copies" ? timeCopying : timeRecomputing;
  const { roundtrip, readback } = await sampleParts(
    async () => {
      const timed = await timeRoundtrip(prepared);
      result = timed.result;
      return timed.spans;
    },
    limits.other,
    // The same computation as the gradient phase, so it is warm.
    { expectedNs: Math.min(...gradient) },
  );
  return { samples: { forward, gradient, readback, roundtrip }, result };
}

/** Upload, gradient and read back, one after the other. */
async function timeCopying(prepared: Prepared) {
  const start = now();
  await prepared.upload();
  await prepared.gradient();
  const computed = now();
  const result = await prepared.read();
  const end = now();
  return { result, spans: { roundtrip: end - start, readback: end - computed } };
}

/**
 * Where reading computes again, what it costs beyond a gradient is a difference, taken between neighbours so
 * that drift stays out; noise below 0 counts as 0.
 */
async function timeRecomputing(prepared: Prepared) {
  const before = now();
  await prepared.gradient();
  const start = now();
  await prepared.upload();
  const uploaded = now();
  const result = await prepared.read();
  const end = now();
  const readback = Math.max(0, end - uploaded - (start - before));
  return { result, spans: { roundtrip: end - start, readback } };
}
