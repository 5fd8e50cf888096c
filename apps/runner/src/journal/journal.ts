import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import { describeIssue } from "@softmax-bench/core/results";
import { z } from "zod";
import { lock } from "../fs/lock.js";
import { LARGEST_TEXT, readRegularFile } from "../fs/read-regular-file.js";
import { writeAtomically } from "../fs/write-atomically.js";
import { UsageError } from "../terminal/errors.js";
import { type Entry, entry, type Header, JOURNAL_VERSION, resultKey } from "./entries.js";

/**
 * `journal.jsonl`: one line per finished thing, on the disk before the next one starts. Results are made from it, and a
 * run is continued from it. Every line carries a checksum and stands for itself, so that a damaged one costs what it
 * held and nothing else – or the next one too, if it is the end of a line that is damaged. The header, without which nothing
 * can be read, is therefore there three times.
 */

/** What a journal holds. */
interface ReadJournal {
  readonly header: Header;
  readonly entries: readonly Entry[];
  /** Bytes of a last line that was cut short when the run died. */
  readonly truncatedBytes: number;
  /** Lines, from 1, that are not what was written; they stay in the file and count for nothing. */
  readonly damage: readonly { readonly line: number; readonly problem: string }[];
  /** Lines that say the same as an earlier one; they count for nothing, too. */
  readonly repeated: readonly { readonly line: number; readonly first: number }[];
  /** The last process to write here did not live to say where its time went. */
  readonly wasKilled: boolean;
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
    else if (read.truncatedBytes > 0) {
      this.#size -= read.truncatedBytes;
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
  const bytes = bytesOf(file);
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
    header,
    entries,
    repeated,
    endsWhole: !last,
    truncatedBytes: last ? 0 : bytes.length - whole,
    damage: lines.flatMap(({ problem }, index) => (problem ? [{ line: index + 1, problem }] : [])),
    wasKilled: entries.at(-1)?.type !== "spent",
  };
}

function bytesOf(file: string): Buffer {
  try {
    return readRegularFile(file, LARGEST_TEXT);
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`${file} ${error.message}; start a new run`);
    throw error;
  }
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
