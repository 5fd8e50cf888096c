import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from "node:fs";
import { crc32 } from "node:zlib";
import { cellKey } from "@softmax-bench/core";
import { describeIssue, schema } from "@softmax-bench/core/results";
import { NETWORK_IDS } from "@softmax-bench/networks";
import { z } from "zod";
import { UsageError } from "./errors.js";
import { lock } from "./lock.js";
import { curveKey, networkKey, seriesKey } from "./plan.js";
import { phaseSamples, samplingRecord } from "./protocol.js";
import { writeAtomically } from "./write-atomically.js";

/**
 * `journal.jsonl`: one line per finished thing, on the disk before the next one starts. Results are made from it, and a
 * run is continued from it. Every line carries a checksum and stands for itself, so that a damaged one costs what it
 * held and nothing else – or the next one too, if it is the end of a line that is damaged. The header, without which nothing
 * can be read, is therefore there three times.
 */

/** The largest numbers that the depth experiment takes; together, no more images than the data set has. */
export const DEPTH_LIMITS = { depth: 512, batch: 10_000, seeds: 1000, train: 100_000, images: 50_000 };

/** What networks a run compares gradients on. */
const depthSettings = z.object({
  network: z.enum(NETWORK_IDS),
  depths: z.array(z.int().min(2).max(DEPTH_LIMITS.depth)),
  batch: z.int().positive().max(DEPTH_LIMITS.batch),
  seeds: z.int().positive().max(DEPTH_LIMITS.seeds),
  methods: schema.depth.shape.methods,
  training: schema.depth.shape.training,
  images: schema.depth.shape.images,
});

/** Of rows, of classes, and of threads. */
export const MOST_SCALING_VALUES = 100;

const counts = z.array(z.int().positive()).min(1).max(MOST_SCALING_VALUES).readonly();

/** Shapes and threads that a run times gradients with. */
const scalingSettings = z.object({ rows: counts, classes: counts, threads: counts });

/** Another version does not continue a journal of this one, nor the other way round. */
const JOURNAL_VERSION = 2;

const header = z.object({
  type: z.literal("run"),
  journalVersion: z.literal(JOURNAL_VERSION),
  id: z.string(),
  startedAt: z.iso.datetime(),
  command: z.enum(["bench", "precision", "depth", "scaling"]).optional(),
  profile: z.enum(["smoke", "default", "full", "gate"]),
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
  methods: z.array(z.string()),
  dtypes: z.array(schema.dtype),
  workloads: z.array(z.string()),
  /** Keys of the cells, where they are fewer than the matrix has. */
  cells: z.array(z.string()).optional(),
  sweeps: z.array(z.string()).optional(),
  depth: depthSettings.optional(),
  scaling: scalingSettings.optional(),
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
  /** The same code once more, for an A/A pair. */
  twin: z.literal(true).optional(),
  samples: phaseSamples.optional(),
  sampling: samplingRecord.optional(),
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

/** @param key of the cell @param round counts its processes from 0 */
export const measurementKey = (key: string, isTwin: boolean, round: number): string =>
  `${key}${isTwin ? ", once more" : ""}, process ${round + 1}`;

/** True for the second half of an A/A pair, which no plan asks for. */
export const isTwin = (entry: Entry): boolean => entry.type === "cell" && entry.twin === true;

/** The key of a result, which a journal holds once; undefined for entries that it may hold several times. */
export function resultKey(entry: Entry): string | undefined {
  switch (entry.type) {
    case "cell":
      return measurementKey(cellKey(entry), entry.twin ?? false, entry.round);
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

/** What a journal holds. */
interface ReadJournal {
  readonly header: Header;
  readonly entries: readonly Entry[];
  /** Bytes of a last line that was cut short when the run died. */
  readonly tornBytes: number;
  /** Lines, from 1, that are not what was written; they stay in the file and count for nothing. */
  readonly damage: readonly { readonly line: number; readonly problem: string }[];
  /** Lines that say the same as an earlier one; they count for nothing, too. */
  readonly repeated: readonly { readonly line: number; readonly first: number }[];
  /** The last process to write here did not live to say where its time went. */
  readonly abrupt: boolean;
}

/** A journal that a run is continued with; what was torn is no longer in the file. */
export interface Recovered extends ReadJournal {
  readonly journal: Journal;
}

/** An open journal, which no other process can open as long as this one lives. */
export class Journal implements Disposable {
  readonly #descriptor: number;
  /** Bytes of whole lines. */
  #size: number;

  private constructor(file: string) {
    this.#descriptor = openSync(file, "a+");
    if (!lock(this.#descriptor)) {
      closeSync(this.#descriptor);
      throw new UsageError(`${file} is in use: another process measures this run; wait for it, or stop it`);
    }
    this.#size = fstatSync(this.#descriptor).size;
  }

  /** A new journal, which is there with its header or not at all. @throws Error if it cannot be written. */
  static begin(file: string, header: Header): Journal {
    writeAtomically(file, lineOf(header).repeat(3));
    return new Journal(file);
  }

  /**
   * The journal of a run that is to be continued, without its torn last line.
   * @throws UsageError if another process has it open, or if its header is lost.
   */
  static recover(file: string): Recovered {
    const journal = new Journal(file);
    try {
      return journal.#recover(file);
    } catch (error) {
      journal.close();
      throw error;
    }
  }

  /** Appends one line, or nothing: a line that the disk has no room for is taken back. */
  append(value: Entry): void {
    this.#write(Buffer.from(lineOf(value)));
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #recover(file: string): Recovered {
    const { endsWhole, ...read } = readJournal(file);
    // A last line that lacks nothing but its end is as good as any.
    if (!endsWhole) this.#write(Buffer.from("\n"));
    else if (read.tornBytes > 0) {
      this.#size -= read.tornBytes;
      ftruncateSync(this.#descriptor, this.#size);
    }
    return { journal: this, ...read };
  }

  #write(line: Buffer): void {
    try {
      for (let offset = 0; offset < line.length; ) offset += writeSync(this.#descriptor, line, offset);
      fdatasyncSync(this.#descriptor);
    } catch (error) {
      ftruncateSync(this.#descriptor, this.#size);
      throw error;
    }
    this.#size += line.length;
  }
}

/**
 * Reads a journal, which another process may be writing to.
 *
 * @returns and whether the last line has its end
 * @throws UsageError if the header is lost, or two lines say different things of one result.
 */
export function readJournal(file: string): ReadJournal & { readonly endsWhole: boolean } {
  const bytes = readFileSync(file);
  const whole = bytes.lastIndexOf("\n") + 1;
  const texts = bytes.toString("utf8").split("\n");
  const parsed = texts.map(parseLine);
  const lines = parsed.slice(0, -1);
  const last = parsed.at(-1)?.entry;
  const repeated = repeatedLines(file, parsed, texts);
  const skipped = new Set(repeated.map(({ line }) => line));
  const entries = parsed.flatMap(({ entry: found }, index) =>
    found && !skipped.has(index + 1) ? found : [],
  );
  const header = entries.find((found) => found.type === "run");
  if (!header) {
    const other = texts.map(otherVersion).find((version) => version !== undefined);
    if (other !== undefined) {
      throw new UsageError(
        `${file} is of journal version ${other}, and this version of softmax-bench continues ${JOURNAL_VERSION}; continue it with the version that wrote it, or start a new run`,
      );
    }
    throw new UsageError(
      `${file} begins with no header (${lines[0]?.problem ?? "no line"}): the run died before it began, or another version of softmax-bench wrote it, or it is damaged; start a new run`,
    );
  }
  return {
    ...{ header, entries, repeated, endsWhole: !last },
    tornBytes: last ? 0 : bytes.length - whole,
    damage: lines.flatMap(({ problem }, index) => (problem ? [{ line: index + 1, problem }] : [])),
    abrupt: entries.at(-1)?.type !== "spent",
  };
}

/** The version of a header that is not this one's. */
function otherVersion(line: string): number | undefined {
  try {
    const { type, journalVersion } = JSON.parse(line);
    return type === "run" && Number.isInteger(journalVersion) && journalVersion !== JOURNAL_VERSION
      ? journalVersion
      : undefined;
  } catch {
    return undefined;
  }
}

/** @throws UsageError if two lines say different things of one result, or of the run: no reader could know which one counts. */
function repeatedLines(
  file: string,
  parsed: readonly ParsedLine[],
  texts: readonly string[],
): { line: number; first: number }[] {
  const seen = new Map<string, number>();
  const repeated: { line: number; first: number }[] = [];
  for (const [index, { entry: found }] of parsed.entries()) {
    if (!found) continue;
    // Of what may be there several times, each is a record of its own, with times in nanoseconds: no two are alike.
    const key = found.type === "run" ? "the run" : (resultKey(found) ?? (texts[index] as string));
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, index);
    } else if (texts[first] !== texts[index]) {
      throw new UsageError(
        `${file}:${index + 1} does not say the same of ${key} as line ${first + 1}; remove one of the two lines, or start a new run`,
      );
    } else if (found.type !== "run") {
      repeated.push({ line: index + 1, first: first + 1 });
    }
  }
  return repeated;
}

const lineOf = (value: Entry): string => `${seal(JSON.stringify(z.encode(entry, value)))}\n`;

const checksum = (json: string): string => crc32(json).toString(16).padStart(8, "0");

/** An object as JSON, with the checksum of that as its last member. */
const seal = (json: string): string => `${json.slice(0, -1)},"crc32":"${checksum(json)}"}`;

/** What a line says, or why it counts for nothing. */
interface ParsedLine {
  readonly entry?: Entry | undefined;
  readonly problem?: string;
}

function parseLine(line: string): ParsedLine {
  const [, members, written] = /^(\{.*),"crc32":"([0-9a-f]{8})"\}$/.exec(line) ?? [];
  if (members === undefined || checksum(`${members}}`) !== written) return { problem: "wrong checksum" };
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { problem: "not JSON" };
  }
  const parsed = entry.safeDecode(value as z.input<typeof entry>);
  return parsed.success ? { entry: parsed.data } : { problem: describeIssue(parsed.error, value) };
}
