import type { GradientTask } from "@softmax-bench/core";
import { schema } from "@softmax-bench/core/results";
import { z } from "zod";

/**
 * What parent and worker say to each other. A worker serves one backend: it is opened once, then runs one task per
 * request. Arrays do not travel here but in files that both hold open (see `exchange.ts`).
 */

export interface OpenRequest {
  readonly type: "open";
  readonly backend: string;
  readonly threads: number;
}

export interface RunRequest extends GradientTask {
  readonly type: "run";
  /** Changes when the inputs in the file do. */
  readonly inputs: string;
  /** Sets of inputs in the file, all of the task's shape. Each is computed; if the task is timed, there is one. */
  readonly sets: number;
  /** The profile whose limits the sampling keeps. Undefined: compute, time nothing. */
  readonly sampling?: string | undefined;
}

export type Request = OpenRequest | RunRequest;

const samples = z.array(z.number().nonnegative());

/** Raw nanoseconds per phase, in the order taken. */
export const phaseSamples = z.object({
  forward: samples,
  gradient: samples,
  readback: samples,
  roundtrip: samples,
});

/** Nanoseconds that the worker spent, by purpose. */
const spent = z.object({ prepare: z.number().nonnegative(), measure: z.number().nonnegative() });

export const reply = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("opened"),
    engine: schema.backend.shape.engine.unwrap(),
    device: schema.backend.shape.device.unwrap(),
    threads: z.int().positive(),
    dtypes: z.array(schema.dtype),
    settings: schema.backend.shape.settings,
    coldStartNs: z.number().nonnegative(),
  }),
  z.object({ type: z.literal("unavailable"), reason: z.string(), remedy: z.string() }),
  z.object({
    type: z.literal("computed"),
    note: z.string().optional(),
    readback: z.enum(["copies", "recomputes"]),
    samples: phaseSamples.optional(),
    peakRssBytes: z.number().nonnegative(),
    spent,
  }),
  z.object({ type: z.literal("unsupported"), reason: z.string() }),
  z.object({ type: z.literal("failed"), reason: z.string() }),
]);

export type Reply = z.output<typeof reply>;
export type Opened = Extract<Reply, { type: "opened" }>;
export type Computed = Extract<Reply, { type: "computed" }>;
