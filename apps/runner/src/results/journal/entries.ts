import { cellKey, EXPERIMENT_IDS } from "@softmax-bench/core";
import { schema } from "@softmax-bench/core/results";
import { phaseSamples, samplingRecord } from "@softmax-bench/measure";
import { NETWORK_IDS } from "@softmax-bench/networks/graphs";
import { z } from "zod";
import { curveKey, networkKey, seriesKey } from "../../plan/plan.js";
import { PROFILE_IDS } from "../../plan/profiles.js";

/** The largest numbers that the depth experiment takes; together, no more images than the data set has. */
export const DEPTH_LIMITS = { depth: 512, batch: 10_000, seeds: 1000, train: 100_000, images: 50_000 };

/** The networks that a run compares gradients on. */
const depthSettings = z.object({
  network: z.enum(NETWORK_IDS),
  depths: z.array(z.int().min(2).max(DEPTH_LIMITS.depth)),
  batch: z.int().positive().max(DEPTH_LIMITS.batch),
  seeds: z.int().positive().max(DEPTH_LIMITS.seeds),
  methods: schema.depth.shape.methods,
  training: schema.depth.shape.training,
  images: schema.depth.shape.images,
});

/** The most values of rows, of classes, and of threads. */
export const MOST_SCALING_VALUES = 100;

const counts = z.array(z.int().positive()).min(1).max(MOST_SCALING_VALUES).readonly();

/** Shapes and threads that a run times gradients with. */
const scalingSettings = z.object({ rows: counts, classes: counts, threads: counts });

/** Another version does not continue a journal of this one, nor the other way round. */
export const JOURNAL_VERSION = 4;

const header = z.object({
  type: z.literal("run"),
  journalVersion: z.literal(JOURNAL_VERSION),
  id: z.string(),
  startedAt: z.iso.datetime(),
  command: z.enum(["bench", ...EXPERIMENT_IDS]).optional(),
  profile: z.enum(PROFILE_IDS),
  argv: z.array(z.string()),
  commit: z.string().nullable(),
  version: z.string(),
  plan: z.string(),
  shard: schema.shard.optional(),
  branch: z.string().nullable().optional(),
  seed: z.int(),
  /** Milliseconds that the run was given, where that is not its profile's. */
  timeMs: z.number().positive().optional(),
  threads: z.int().positive(),
  backends: z.array(z.string()),
  /** Names of backends on hosts, where some run elsewhere than in this Node. */
  places: z.array(z.string()).optional(),
  /** Those hosts. */
  hosts: z.array(z.object({ id: schema.id, path: z.string().optional() })).optional(),
  methods: z.array(z.string()),
  dtypes: z.array(schema.dtype),
  workloads: z.array(z.string()),
  /** Keys of the cells, where they are fewer than the matrix has. */
  cells: z.array(z.string()).optional(),
  sweeps: z.array(z.string()).optional(),
  depth: depthSettings.optional(),
  scaling: scalingSettings.optional(),
  /** Methods of the cells, if fewer than those of the curves. */
  cellMethods: z.array(z.string()).optional(),
  environment: schema.environment,
});

/** One measurement of a cell in one process: `round` counts the processes, and `pass` the measurements in it, from 0. */
const measurement = z.object({
  type: z.literal("cell"),
  round: z.int().nonnegative(),
  pass: z.int().nonnegative(),
  backend: z.string(),
  host: schema.host,
  method: z.string(),
  dtype: schema.dtype,
  workload: z.string(),
  status: schema.cellStatus,
  reason: z.string().optional(),
  note: z.string().optional(),
  readback: z.enum(["copies", "recomputes"]).optional(),
  /** The same code once more, for an A/A pair. */
  twin: z.literal(true).optional(),
  samples: phaseSamples.optional(),
  sampling: samplingRecord.optional(),
  loss: schema.real.optional(),
  accuracy: schema.accuracy.optional(),
  gradientDigest: z.string().optional(),
});

/** The schema of a line. */
export const entry = z.discriminatedUnion("type", [
  header,
  measurement,
  schema.backend.extend({ type: z.literal("backend") }),
  schema.hostRecord.extend({ type: z.literal("host") }),
  schema.distance.omit({ speedup: true }).extend({ type: z.literal("distance") }),
  z.object({ type: z.literal("curve"), ...schema.curveFields }),
  z.object({ type: z.literal("network"), ...schema.networkFields }),
  z.object({ type: z.literal("series"), ...schema.seriesFields }),
  z.object({
    type: z.literal("machine"),
    when: z.enum(["before", "during", "after"]),
    state: schema.machineState,
  }),
  z.object({ type: z.literal("spent"), wallNs: z.record(z.string(), z.number().nonnegative()) }),
]);

export type Entry = z.output<typeof entry>;
export type Header = z.output<typeof header>;
export type ScalingSettings = z.output<typeof scalingSettings>;
export type DepthSettings = z.output<typeof depthSettings>;
export type Measurement = z.output<typeof measurement>;

/** @param key of the cell @param round counts its processes from 0 @param pass counts the measurements in one, from 0 */
export const measurementKey = (key: string, isTwin: boolean, round: number, pass: number): string =>
  `${key}${isTwin ? ", once more" : ""}, process ${round + 1}${pass > 0 ? `, pass ${pass + 1}` : ""}`;

/** True for the second half of an A/A pair, which no plan asks for. */
export const isTwin = (entry: Entry): boolean => entry.type === "cell" && entry.twin === true;

/** The key of a result, which a journal holds once; undefined for entries that it may hold several times. */
export function resultKey(entry: Entry): string | undefined {
  switch (entry.type) {
    case "cell":
      return measurementKey(cellKey(entry), entry.twin ?? false, entry.round, entry.pass);
    case "curve":
      return curveKey(entry);
    case "network":
      return networkKey(entry);
    case "series":
      return seriesKey(entry);
    default:
      return undefined;
  }
}
