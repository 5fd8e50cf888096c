import type { FloatDType, GradientTask, MethodId } from "@softmax-bench/core";
import { shorten } from "@softmax-bench/core";
import { schema } from "@softmax-bench/core/results";
import type { NetworkId } from "@softmax-bench/networks/graphs";
import { z } from "zod";
import { PROTOCOL_VERSION } from "./protocol-version.js";
import type { Sampling, SamplingLimits } from "./sampling-limits.js";

/**
 * The messages between parent and worker. A worker serves one backend: it is opened once, then runs one task per
 * request. Arrays are not part of them but of files that both hold open (in Node: `host-node/src/shared-memory.ts`).
 */

export interface OpenRequest {
  readonly type: "open";
  readonly protocol: number;
  readonly backend: string;
  readonly threads: number;
}

interface RunRequest extends GradientTask {
  readonly type: "run";
  /** Changes with the inputs in the file. */
  readonly inputs: string;
  /** Sets of inputs in the file, all of the task's shape. Each is computed; if the task is timed, there is one. */
  readonly sets: number;
  /** True if digests of gradients are enough, for a worker that finds that cheaper than passing the gradients on. */
  readonly digestOnly?: boolean;
  /** The sampling of the task. Undefined to compute without timing. */
  readonly sampling?: Sampling | undefined;
}

/** A network by its specification; parent and worker each make its graph. */
export interface NetworkSpec {
  readonly id: NetworkId;
  readonly depth: number;
  readonly batch: number;
  readonly dtype: FloatDType;
}

/** Steps of training, each from weights of its own: every method on every set of inputs in the file. */
export interface StepsRequest {
  readonly type: "steps";
  readonly network: NetworkSpec;
  readonly methods: readonly MethodId[];
  readonly sets: number;
}

/** Stochastic gradient descent from the weights of the first set of inputs, cycling through the batches of all. */
export interface TrainRequest {
  readonly type: "train";
  readonly network: NetworkSpec;
  readonly method: MethodId;
  readonly sets: number;
  readonly steps: number;
  readonly learningRate: number;
}

/** The gradient of one shape, timed, on inputs that the worker makes. */
export interface ScaleRequest extends GradientTask {
  readonly type: "scale";
  readonly limits: SamplingLimits;
}

/** The memory that gradients take, on inputs that the worker makes. */
export interface MemoryRequest extends Pick<GradientTask, "method" | "dtype" | "classes"> {
  readonly type: "memory";
  /** Ascending. */
  readonly rows: readonly number[];
}

/** The gradient of one shape, called between marks for a simulator, on inputs that the worker makes. */
export interface CountRequest extends GradientTask {
  readonly type: "count";
  /** Calls before the first mark. */
  readonly warmupCalls: number;
  /** Groups of calls, each between two marks. */
  readonly segments: number;
  readonly callsPerSegment: number;
}

/** The work that a worker does for an open backend. */
export type WorkRequest =
  | RunRequest
  | StepsRequest
  | TrainRequest
  | ScaleRequest
  | MemoryRequest
  | CountRequest;
export type Request = OpenRequest | WorkRequest;

const samples = z.array(z.number().nonnegative());

/** Raw nanoseconds per phase, in the order taken. */
export const phaseSamples = z.object({
  forward: samples,
  gradient: samples,
  readback: samples,
  roundtrip: samples,
});

/** The circumstances of a cell's samples. */
export const samplingRecord = z.object({
  /** Calls per sample, which is their mean, by phase; one for a phase that is not named. */
  callsPerSample: z.partialRecord(phaseSamples.keyof(), z.int().positive()),
  steadiness: z.partialRecord(phaseSamples.keyof(), schema.steadiness),
  /** Time until the gradient phase had settled. */
  settlingNs: z.number().nonnegative(),
  /** Time of the fastest throughput probe, and of the fastest exchange with another core. */
  probeNs: z.number().nonnegative().optional(),
  latencyNs: z.number().nonnegative().optional(),
  /** Time of all windows of samples, and of those in which the cores were disturbed. */
  windowsNs: z.number().nonnegative().optional(),
  disturbedNs: z.number().nonnegative().optional(),
});

/** The report on all finished work. The results file has the work's output. */
const finished = {
  /** Undefined if the host does not know. */
  peakRssBytes: z.number().nonnegative().optional(),
  /** Nanoseconds that the worker spent, by purpose. */
  spent: z.object({
    prepare: z.number().nonnegative(),
    /** Time until times had settled; counts only samples that were taken for that alone. */
    settle: z.number().nonnegative(),
    measure: z.number().nonnegative(),
  }),
};

/** A runtime's message, shortened for results: a compiler's log may have megabytes. */
const said = z.string().transform((text) => shorten(text, 2000));

export const reply = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("opened"),
    protocol: z.literal(PROTOCOL_VERSION),
    engine: schema.backend.shape.engine.unwrap(),
    device: schema.backend.shape.device.unwrap(),
    threads: z.int().positive(),
    dtypes: z.array(schema.dtype),
    settings: schema.backend.shape.settings,
    coldStartNs: z.number().nonnegative(),
  }),
  z.object({ type: z.literal("unavailable"), reason: said, remedy: said }),
  z.object({
    type: z.literal("computed"),
    note: said.optional(),
    readback: z.enum(["copies", "recomputes"]),
    /** One for each set of inputs; present instead of results. */
    gradientDigests: z.array(z.string().regex(/^sha256:[0-9a-f]{64}$/)).optional(),
    samples: phaseSamples.optional(),
    sampling: samplingRecord.optional(),
    ...finished,
  }),
  z.object({
    type: z.literal("stepped"),
    /** Nanoseconds of each step, by method in the order of the request; a list has an entry per set. */
    samples: z.array(samples),
    ...finished,
  }),
  z.object({ type: z.literal("trained"), ...finished }),
  z.object({
    type: z.literal("scaled"),
    note: said.optional(),
    gradientNs: samples.min(1),
    /** Absent from a worker that does not tell. */
    steadiness: schema.steadiness.optional(),
    ...finished,
  }),
  z.object({ type: z.literal("counted"), marks: z.int().positive(), ...finished }),
  z.object({ type: z.literal("held"), memory: schema.seriesFields.memory.unwrap(), ...finished }),
  z.object({ type: z.literal("unsupported"), reason: said }),
  z.object({
    type: z.literal("no-room"),
    reason: said.describe("the results do not fit in their file"),
  }),
  z.object({
    type: z.literal("failed"),
    reason: said,
    remedy: said.optional().describe("where it is a backend that does not start"),
  }),
]);

export type Reply = z.output<typeof reply>;
export type Opened = Extract<Reply, { type: "opened" }>;
/** Answers to work. */
export type Finished = Extract<
  Reply,
  { type: "computed" | "stepped" | "trained" | "scaled" | "held" | "counted" }
>;
export type Computed = Extract<Reply, { type: "computed" }>;
