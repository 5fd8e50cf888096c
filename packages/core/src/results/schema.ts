import { z } from "zod";
import { CODE_KINDS } from "../backend.js";
import { depth, type gradients, type network } from "./depth.js";
import {
  cellStatus,
  dtype,
  fileName,
  host,
  id,
  label,
  nanoseconds,
  real,
  steadiness,
  text,
} from "./fields.js";
import { once } from "./once.js";
import { scaling, type series } from "./scaling.js";

/**
 * `results.json`, the product's public format. It only grows: new fields are optional; no field is renamed, removed or
 * redefined. `results.schema.json` beside this package is generated from it.
 */

export { depth, networkFields } from "./depth.js";
export { cellStatus, dtype, fileName, host, id, real, steadiness } from "./fields.js";
export { scaling, seriesFields } from "./scaling.js";

export const timing = z.object({
  medianNs: nanoseconds,
  madNs: nanoseconds.describe("median absolute deviation from the median, unscaled"),
  n: z
    .int()
    .positive()
    .optional()
    .describe("observations that the median is over: processes where scope is processes, else samples"),
  ci95Ns: z
    .tuple([nanoseconds, nanoseconds])
    .optional()
    .describe(
      "interval that covers the median with at least 95 %; absent where there are too few observations for one. " +
        "Files written before n existed have it always: look at coverage",
    ),
  coverage: z
    .number()
    .min(0)
    .max(1)
    .describe(
      "probability that the interval – without one, the range of the observations – covers the median, were they independent",
    ),
  scope: z
    .enum(["process", "processes"])
    .describe("process: over samples inside one process; processes: over medians of fresh processes"),
  samples: z
    .array(nanoseconds)
    .describe(
      "raw, in the order in which they were taken, process by process; fast calls are means, see callsPerSample",
    ),
  callsPerSample: z
    .array(z.int().positive())
    .optional()
    .describe("calls that each sample is the mean of, one entry per process"),
  processMedians: z.array(nanoseconds).optional().describe("one per fresh process, where there were several"),
  steadiness: steadiness
    .optional()
    .describe(
      "whether the times had stopped changing: settled in all processes that the median is of; unsettled; untested: too few samples to tell",
    ),
  derived: z
    .literal("difference")
    .optional()
    .describe(
      "read minus gradient, sample by sample, floored at 0: the runtime cannot keep outputs on its side",
    ),
});

const rangeCounts = z.object({
  overflows: z.int().nonnegative().describe("infinite entries where the exact ones are finite"),
  underflows: z.int().nonnegative().describe("entries of 0 where the exact ones are not"),
  avoidableUnderflows: z
    .int()
    .nonnegative()
    .describe("entries of 0 where the exact ones, correctly rounded, are not"),
  subnormals: z.int().nonnegative().describe("entries other than 0 below the smallest normal number"),
  entries: z.int().positive().describe("that the counts are over"),
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
    range: rangeCounts
      .optional()
      .describe("entries at the ends of the dtype's range; absent where there are none"),
  }),
});

const machineKey = label
  .optional()
  .describe("id of one of machines, where the results are merged from several machines");

const cellKey = { backend: id, host, method: id, dtype, workload: id, machine: machineKey };

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
    unfinished: z
      .literal(true)
      .optional()
      .describe(
        "the run was interrupted before the cell was measured in as many processes as its profile wants",
      ),
  })
  .refine((value) => value.status === "ok" || value.reason, {
    path: ["reason"],
    message: "a cell that is not ok needs a reason",
  });

export const distance = z.object({
  backend: id,
  host,
  dtype,
  workload: id,
  machine: machineKey,
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
  host,
  machine: machineKey,
  status: z.enum(["available", "unavailable"]),
  reason: text.optional(),
  remedy: text.optional(),
  reference: z
    .boolean()
    .optional()
    .describe("a runtime outside JavaScript, for comparison: never the fastest of the backends"),
  engine: z.object({ name: text, version: text, code: z.enum(CODE_KINDS).optional() }).optional(),
  device: z.object({ kind: z.enum(["cpu", "gpu", "software-gpu"]), name: text }).optional(),
  threads: z.int().positive().optional(),
  dtypes: z.array(dtype).optional(),
  settings: z.record(label, text).optional().describe("what else decides error or time, e.g. TF32: off"),
  coldStartNs: nanoseconds.optional().describe("start of the process or page to first gradient"),
  downloadBytes: z
    .int()
    .nonnegative()
    .optional()
    .describe("files that a page fetched until its first gradient, compressed with gzip"),
  peakRssBytes: z.number().nonnegative().optional().describe("largest resident set of a measuring process"),
});

const curvePoint = z.object({
  x: z.number().describe("value on the sweep's axis"),
  lossRelError: real,
  ...accuracy.shape.gradient.shape,
  range: rangeCounts.optional(),
});

/** The errors of one method on one backend along a sweep. */
export const curveFields = {
  backend: id,
  host,
  method: id,
  dtype,
  sweep: id,
  status: cellStatus,
  reason: text.optional(),
  note: text.optional(),
  gradientDigest: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/)
    .optional()
    .describe("of the digests of the gradients at all points"),
  points: z
    .array(curvePoint)
    .describe("ascending in x; empty unless the status is ok, and where only the digest was taken"),
};

export const curve = z.object(curveFields).refine((value) => value.status === "ok" || value.reason, {
  path: ["reason"],
  message: "a curve that is not ok needs a reason",
});

export const precision = z.object({
  ulpLimit: z.number().describe("p99Ulp up to which a method counts as accurate"),
  sweeps: z.array(z.object({ id, summary: text, axis: text })).superRefine(once("id")),
  curves: z.array(curve).superRefine(once("backend", "host", "method", "dtype", "sweep")),
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

const identicalPair = z.object({
  backend: id,
  host,
  method: id,
  dtype,
  workload: id,
  machine: machineKey,
  medianNs: z
    .tuple([nanoseconds, nanoseconds])
    .describe("the same code measured twice, as if it were two cells; medians over processes"),
  ratioOfOthers: z
    .number()
    .nonnegative()
    .optional()
    .describe("minus 1: the resolution that the group has without this pair, which is a test of it"),
});

export const resolution = z.object({
  groups: z
    .array(
      z.object({
        backend: id,
        host,
        workload: id,
        machine: machineKey,
        phase: z.enum(["gradient", "roundtrip"]),
        ratio: z
          .number()
          .nonnegative()
          .describe("minus 1: medians of identical code differ by less in 95 % of pairs; 0.03 is 3 %"),
        processes: z.int().positive().describe("that each median of a cell that settled is over, at least"),
        byProcesses: z
          .array(z.object({ processes: z.int().positive(), ratio: z.number().nonnegative() }))
          .optional()
          .describe(
            "the ratio of medians over that many processes, where cells differ in it; 1: of a single process",
          ),
      }),
    )
    .describe("of the cells of one backend and workload"),
  identicalPairs: z.array(identicalPair).describe("A/A pairs, gradient phase"),
});

export const machineState = z.object({
  loadAverage: z.number().nonnegative().describe("over the last minute"),
  windowNs: nanoseconds
    .optional()
    .describe("of the window: a session, or what is before or after all of them"),
  otherCores: z
    .number()
    .nonnegative()
    .optional()
    .describe("processors' worth of work that other processes did in the window"),
  steal: z
    .number()
    .nonnegative()
    .optional()
    .describe("processors' worth of time that the hypervisor gave to others in the window"),
  spinNs: nanoseconds
    .optional()
    .describe("of a fixed piece of arithmetic: grows as the processor slows down"),
  startedNext: z
    .literal(true)
    .optional()
    .describe("the run itself started the next browser in the window, as the profile smoke does"),
  part: z
    .int()
    .nonnegative()
    .optional()
    .describe("of merged results: the index, from 0, of the one of run.merged.runs that it was observed in"),
  machine: machineKey,
});

export const noise = z.object({
  before: machineState,
  during: z.array(machineState),
  after: machineState.optional(),
  disturbed: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      "share of the time of sampling in which others used the processor cores too, or in which these were further apart than at other times",
    ),
});

export const environment = z.object({
  cpu: text,
  cores: z.int().positive(),
  memoryBytes: z.number().positive().optional().describe("absent where a browser does not say"),
  os: text,
  node: text.describe("version of the Node that ran it; none for a page that measured by itself"),
  versions: z.record(z.string(), text),
  simd: text.optional().describe("the processor's widest vector instructions"),
  cacheBytes: z.number().positive().optional().describe("largest cache of the processor"),
  copyBandwidth: z
    .array(
      z.object({
        threads: z.int().positive(),
        bytesPerSecond: z.number().positive().describe("read and written, both counted"),
      }),
    )
    .optional()
    .describe("of copying between buffers larger than the caches"),
});

export const machine = z.object({
  id: label.describe(
    "what decides error and time of a gradient: processor, cores, vector instructions, Node",
  ),
  environment,
});

/** The hosts of backends, other than the Node that started the run. */
export const hostRecord = z.object({
  id,
  status: z.enum(["available", "unavailable"]),
  reason: text.optional(),
  remedy: text.optional(),
  runtime: z.object({ name: text, version: text }).optional().describe("e.g. Bun 1.4.5"),
  settings: z.record(label, text).optional().describe("flags that it was started with, and the like"),
});

/** One part of a split matrix. */
export const shard = z.object({
  index: z.int().positive().describe("from 1"),
  count: z.int().positive(),
});

/** The length limit of an argument on Linux: MAX_ARG_STRLEN, execve(2). */
const argument = z.string().max(2 ** 17);

export const branch = text.regex(/^[^\p{Cc}]+$/u);

export const run = z.object({
  id: fileName,
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  profile: fileName,
  command: fileName
    .optional()
    .describe("what was run, with argv: bench by default, precision, depth or scaling"),
  argv: z.array(argument),
  commit: text.nullable().describe("git commit of the checkout, null outside one"),
  version: text.optional().describe("of softmax-bench"),
  branch: branch.nullable().optional().describe("git branch of the checkout, null where there is none"),
  seed: z.int().optional(),
  plan: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/)
    .optional()
    .describe("digest of the whole matrix, and of how it is split into shards"),
  shard: shard.optional().describe("the part of the matrix that this run was for"),
  merged: z
    .object({
      runs: z.array(fileName).describe("ids of the runs that the results are merged from"),
      missing: z.array(shard).describe("shards of which there is no complete run"),
    })
    .optional(),
  status: z.enum(["complete", "interrupted"]).optional(),
  cellsPlanned: z.int().nonnegative().optional(),
  wallNs: z
    .record(z.string(), nanoseconds)
    .optional()
    .describe("where the wall time went: measure, settle, start, prepare, verify, other"),
  processes: z.int().positive().optional().describe("fresh processes that most cells were measured in"),
});

export const SCHEMA_VERSION = 1;

export const results = z.object({
  schemaVersion: z.literal(SCHEMA_VERSION),
  run,
  environment: environment.describe("where there are several machines, the first one's"),
  machines: z
    .array(machine)
    .superRefine(once("id"))
    .optional()
    .describe(
      "of merged results, where they are several: then every cell, distance and backend names its own",
    ),
  hosts: z
    .array(hostRecord)
    .superRefine(once("id"))
    .optional()
    .describe("where backends ran, besides the Node that started the run"),
  workloads: z.array(workload).superRefine(once("id")).optional(),
  backends: z.array(backend).superRefine(once("id", "host", "machine")),
  cells: z.array(cell).superRefine(once("backend", "host", "method", "dtype", "workload", "machine")),
  distances: z.array(distance).superRefine(once("backend", "host", "dtype", "workload", "machine", "a", "b")),
  resolution: resolution.optional().describe("how far times of identical code differ in this run"),
  noise: noise.optional().describe("what else the machine did while it measured"),
  precision: precision.optional().describe("error curves along sweeps"),
  depth: depth.optional().describe("gradients of networks as depth grows"),
  scaling: scaling.optional().describe("times as rows, classes and threads grow"),
});

export type Results = z.output<typeof results>;
export type Cell = z.output<typeof cell>;
export type CellStatus = z.output<typeof cellStatus>;
export type Timing = z.output<typeof timing>;
export type Steadiness = NonNullable<Timing["steadiness"]>;
export type Resolution = z.output<typeof resolution>;
export type Noise = z.output<typeof noise>;
export type MachineState = z.output<typeof machineState>;
export type Accuracy = z.output<typeof accuracy>;
export type DistanceRecord = z.output<typeof distance>;
export type Curve = z.output<typeof curve>;
export type Precision = z.output<typeof precision>;
export type Depth = z.output<typeof depth>;
export type Scaling = z.output<typeof scaling>;
export type Series = z.output<typeof series>;
export type NetworkRecord = z.output<typeof network>;
export type GradientsOverSeeds = z.output<typeof gradients>;
export type BackendRecord = z.output<typeof backend>;
export type HostRecord = z.output<typeof hostRecord>;
export type Machine = z.output<typeof machine>;
export type Shard = z.output<typeof shard>;
export type RunRecord = z.output<typeof run>;
export type Environment = z.output<typeof environment>;
