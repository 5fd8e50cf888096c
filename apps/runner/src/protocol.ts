import { schema } from "@softmax-bench/core/results";
import { z } from "zod";

/**
 * What parent and worker say to each other. A worker serves one backend: it is opened once, then measures one
 * cell per request. Gradients do not travel here: the worker writes them to a file that both hold open.
 */

export interface OpenRequest {
  readonly type: "open";
  readonly backend: string;
  readonly threads: number;
  readonly seed: number;
}

export interface MeasureRequest {
  readonly type: "measure";
  readonly method: string;
  readonly dtype: z.output<typeof schema.dtype>;
  readonly workload: string;
  readonly profile: string;
  /** False: compute the gradient, time nothing. */
  readonly timed: boolean;
}

export type Request = OpenRequest | MeasureRequest;

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
    type: z.literal("measured"),
    note: z.string().optional(),
    readback: z.enum(["copies", "recomputes"]),
    samples: phaseSamples.optional(),
    loss: z
      .number()
      .or(z.nan())
      .or(z.literal([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])),
    peakRssBytes: z.number().nonnegative(),
    spent,
  }),
  z.object({ type: z.literal("unsupported"), reason: z.string() }),
  z.object({ type: z.literal("failed"), reason: z.string() }),
]);

export type Reply = z.output<typeof reply>;
export type Opened = Extract<Reply, { type: "opened" }>;
export type Measured = Extract<Reply, { type: "measured" }>;
