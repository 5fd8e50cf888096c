import { z } from "zod";
import { depth, type gradients, type network } from "./depth.js";
import { cellStatus, dtype, id, nanoseconds, real, text } from "./fields.js";

/**
 * `results.json`, the product's public format. It only ever grows: a field is added as optional, none is
 * renamed, removed or given another meaning. `results.schema.json` beside this package is made from it.
 */

export { depth, networkFields } from "./depth.js";
export { cellStatus, dtype, real } from "./fields.js";

export const timing = z.object({
  medianNs: nanoseconds,
  madNs: nanoseconds.describe("median absolute deviation from the median, unscaled"),
  ci95Ns: z.tuple([nanoseconds, nanoseconds]).describe("interval for the median; see coverage and scope"),
  coverage: z
    .number()
    .min(0)
    .max(1)
    .describe("probability that the interval covers the median, were the observations independent"),
  scope: z
    .enum(["process", "processes"])
    .describe("process: over samples inside one process; processes: over medians of fresh processes"),
  samples: z.array(nanoseconds).describe("raw, in the order in which they were taken"),
  processMedians: z.array(nanoseconds).optional().describe("one per fresh process, where there were several"),
  derived: z
    .literal("difference")
    .optional()
    .describe(
      "read minus gradient, sample by sample, floored at 0: the runtime cannot keep outputs on its side",
    ),
});

export const accuracy = z.object({
  lossRelError: real,
  rowsChecked: z
    .int()
    .positive()
    .optional()
    .describe("rows that the error metrics are over; nonFinite and rowSumResidual are over all, always"),
  gradient: z.object({
    relL2: real,
    maxAbs: real,
    sumAbs: real,
    maxUlp: real,
    p99Ulp: real,
    medianUlp: real.optional(),
    correctlyRounded: z.number().min(0).max(1).optional(),
    bias: real.optional(),
    scaledMaxAbs: real.optional().describe("maxAbs over the largest magnitude of the exact gradient"),
    nonFinite: z.int().nonnegative(),
    rowSumResidual: real,
    boundRatio: real
      .optional()
      .describe("largest |g − g*| over its a priori bound, entry by entry, on a sample of the checked rows"),
  }),
});

const cellKey = { backend: id, method: id, dtype, workload: id };

export const cell = z
  .object({
    ...cellKey,
    status: cellStatus,
    reason: text.optional(),
    note: text.optional().describe("what a reader must know, e.g. that a library's gradient is hand-written"),
    timing: z
      .object({ forward: timing, gradient: timing, readback: timing, roundtrip: timing })
      .partial()
      .optional(),
    loss: real.optional(),
    accuracy: accuracy.optional(),
    gradientDigest: z
      .string()
      .regex(/^sha256:[0-9a-f]{64}$/)
      .optional(),
    nondeterministic: z.boolean().optional().describe("two processes gave different gradients"),
  })
  .refine((value) => value.status === "ok" || value.reason, {
    path: ["reason"],
    message: "a cell that is not ok needs a reason",
  });

export const distance = z.object({
  backend: id,
  dtype,
  workload: id,
  a: id.describe("the manual method"),
  b: id.describe("the autograd method"),
  sumAbs: real,
  maxAbs: real,
  relL2: real,
  maxUlp: real,
  loss: real.optional().describe("|loss of a − loss of b|"),
  speedup: z.number().positive().optional().describe("median gradient time of b over that of a"),
});

export const backend = z.object({
  id,
  status: z.enum(["available", "unavailable"]),
  reason: text.optional(),
  remedy: text.optional(),
  engine: z.object({ name: text, version: text }).optional(),
  device: z.object({ kind: z.enum(["cpu", "gpu", "software-gpu"]), name: text }).optional(),
  threads: z.int().positive().optional(),
  dtypes: z.array(dtype).optional(),
  settings: z.record(id, text).optional().describe("what else decides error or time, e.g. TF32: off"),
  coldStartNs: nanoseconds.optional().describe("process start to first gradient"),
  peakRssBytes: z.number().nonnegative().optional().describe("largest resident set of a measuring process"),
});

const curvePoint = z.object({
  x: z.number().describe("value on the sweep's axis"),
  lossRelError: real,
  ...accuracy.shape.gradient.shape,
});

/** The errors of one method on one backend along a sweep. */
export const curveFields = {
  backend: id,
  method: id,
  dtype,
  sweep: id,
  status: cellStatus,
  reason: text.optional(),
  note: text.optional(),
  points: z.array(curvePoint).describe("ascending in x; empty unless the status is ok"),
};

export const curve = z.object(curveFields).refine((value) => value.status === "ok" || value.reason, {
  path: ["reason"],
  message: "a curve that is not ok needs a reason",
});

export const precision = z.object({
  ulpLimit: z.number().describe("p99Ulp up to which a method counts as accurate"),
  sweeps: z.array(z.object({ id, summary: text, axis: text })),
  curves: z.array(curve),
});

export const workload = z.object({
  id,
  summary: text,
  rows: z.int().positive(),
  classes: z.int().positive(),
  scale: z.number(),
  margin: z.number(),
  labels: z.enum(["diagonal", "uniform"]),
});

export const environment = z.object({
  cpu: text,
  cores: z.int().positive(),
  memoryBytes: z.number().positive(),
  os: text,
  node: text,
  versions: z.record(z.string(), text),
  simd: text.optional().describe("the processor's widest vector instructions"),
});

export const run = z.object({
  id,
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  profile: id,
  command: id.optional().describe("what was run, with argv: bench by default, precision or depth"),
  argv: z.array(text),
  commit: text.nullable().describe("git commit of the checkout, null outside one"),
  branch: text.nullable().optional().describe("git branch of the checkout, null where there is none"),
  seed: z.int().optional(),
  status: z.enum(["complete", "interrupted"]).optional(),
  cellsPlanned: z.int().nonnegative().optional(),
  wallNs: z
    .record(z.string(), nanoseconds)
    .optional()
    .describe("where the wall time went: measure, start, prepare, verify, other"),
});

export const results = z.object({
  schemaVersion: z.literal(1),
  run,
  environment,
  workloads: z.array(workload).optional(),
  backends: z.array(backend),
  cells: z.array(cell),
  distances: z.array(distance),
  precision: precision.optional().describe("error curves along sweeps"),
  depth: depth.optional().describe("gradients of networks as depth grows"),
});

export type Results = z.output<typeof results>;
export type Cell = z.output<typeof cell>;
export type CellStatus = z.output<typeof cellStatus>;
export type Timing = z.output<typeof timing>;
export type Accuracy = z.output<typeof accuracy>;
export type DistanceRecord = z.output<typeof distance>;
export type Curve = z.output<typeof curve>;
export type Precision = z.output<typeof precision>;
export type Depth = z.output<typeof depth>;
export type NetworkRecord = z.output<typeof network>;
export type GradientsOverSeeds = z.output<typeof gradients>;
export type BackendRecord = z.output<typeof backend>;
export type RunRecord = z.output<typeof run>;
export type Environment = z.output<typeof environment>;
