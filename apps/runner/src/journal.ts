import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { describeIssue, schema } from "@softmax-bench/core/results";
import { NETWORK_IDS } from "@softmax-bench/networks";
import { z } from "zod";
import { UsageError } from "./errors.js";
import { phaseSamples } from "./protocol.js";

/**
 * `journal.jsonl`: one line per finished thing, appended before the next one starts. Results are made from it,
 * and a run is continued from it.
 */

/** What networks a run compares gradients on. */
const depthSettings = z.object({
  network: z.enum(NETWORK_IDS),
  depths: z.array(z.int()),
  batch: z.int().positive(),
  seeds: z.int().positive(),
  methods: schema.depth.shape.methods,
  training: schema.depth.shape.training,
  images: schema.depth.shape.images,
});

const header = z.object({
  type: z.literal("run"),
  journalVersion: z.literal(1),
  id: z.string(),
  startedAt: z.iso.datetime(),
  command: z.enum(["bench", "precision", "depth"]).optional(),
  profile: z.enum(["smoke", "default", "full", "gate"]),
  argv: z.array(z.string()),
  commit: z.string().nullable(),
  branch: z.string().nullable().optional(),
  seed: z.int(),
  threads: z.int().positive(),
  backends: z.array(z.string()),
  methods: z.array(z.string()),
  dtypes: z.array(schema.dtype),
  workloads: z.array(z.string()),
  /** Keys of the cells, where they are fewer than the matrix has. */
  cells: z.array(z.string()).optional(),
  sweeps: z.array(z.string()).optional(),
  depth: depthSettings.optional(),
  /** Of cells, where they are fewer than those of curves. */
  cellMethods: z.array(z.string()).optional(),
  environment: schema.environment,
});

/** One cell, measured in one process (`round` counts the processes from 0). */
const measurement = z.object({
  type: z.literal("cell"),
  round: z.int().nonnegative(),
  backend: z.string(),
  method: z.string(),
  dtype: schema.dtype,
  workload: z.string(),
  status: schema.cellStatus,
  reason: z.string().optional(),
  note: z.string().optional(),
  readback: z.enum(["copies", "recomputes"]).optional(),
  samples: phaseSamples.optional(),
  loss: schema.real.optional(),
  accuracy: schema.accuracy.optional(),
  gradientDigest: z.string().optional(),
});

const entry = z.discriminatedUnion("type", [
  header,
  measurement,
  schema.backend.extend({ type: z.literal("backend") }),
  schema.distance.omit({ speedup: true }).extend({ type: z.literal("distance") }),
  z.object({ type: z.literal("curve"), ...schema.curveFields }),
  z.object({ type: z.literal("network"), ...schema.networkFields }),
  z.object({ type: z.literal("spent"), wallNs: z.record(z.string(), z.number().nonnegative()) }),
]);

export type Entry = z.output<typeof entry>;
export type Header = z.output<typeof header>;
export type DepthSettings = z.output<typeof depthSettings>;
export type Measurement = z.output<typeof measurement>;

export class Journal {
  readonly #descriptor: number;
  /** Bytes of whole lines. */
  #size: number;

  /** Opens for appending. @throws Error if the file cannot be written. */
  constructor(file: string) {
    this.#descriptor = openSync(file, "a");
    this.#size = fstatSync(this.#descriptor).size;
  }

  /** Appends one line, or nothing: a line that the disk has no room for is taken back. */
  append(value: Entry): void {
    const line = Buffer.from(`${JSON.stringify(z.encode(entry, value))}\n`);
    try {
      for (let offset = 0; offset < line.length; ) offset += writeSync(this.#descriptor, line, offset);
    } catch (error) {
      ftruncateSync(this.#descriptor, this.#size);
      throw error;
    }
    this.#size += line.length;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

export interface ReadJournal {
  readonly header: Header;
  readonly entries: readonly Entry[];
  /** Bytes of a last line that was cut short when the run died; they were removed from the file. */
  readonly tornBytes: number;
}

/**
 * Reads a journal and drops a torn last line from the file.
 * @throws UsageError naming line and field if any other line is damaged.
 */
export function recoverJournal(file: string): ReadJournal {
  const bytes = readFileSync(file);
  const complete = bytes.lastIndexOf("\n") + 1;
  const tornBytes = bytes.length - complete;
  const lines = bytes.subarray(0, complete).toString("utf8").split("\n").slice(0, -1);
  const entries = lines.map((line, index) => parseEntry(line, `${file}:${index + 1}`));
  const [first] = entries;
  if (first?.type !== "run") throw new UsageError(`${file}: the first line is not a run's header`);
  if (tornBytes > 0) truncateSync(file, complete);
  return { header: first, entries, tornBytes };
}

function parseEntry(line: string, place: string): Entry {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new UsageError(`${place}: not JSON; the journal is damaged, start a new run`);
  }
  const parsed = entry.safeDecode(value as z.input<typeof entry>);
  if (!parsed.success) {
    throw new UsageError(`${place}: ${describeIssue(parsed.error, value)}; the journal is damaged`);
  }
  return parsed.data;
}
