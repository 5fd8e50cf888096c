import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import { describeIssue } from "@softmax-bench/core/results";
import { z } from "zod";
import { lock } from "../../fs/lock.js";
import { LARGEST_TEXT, readRegularFile } from "../../fs/read-regular-file.js";
import { writeAtomically } from "../../fs/write-atomically.js";
import { UsageError } from "../../terminal/errors.js";
import { type Entry, entry, type Header, JOURNAL_VERSION, resultKey } from "./entries.js";

/**
 * `journal.jsonl`: one line per finished result, on the disk before the next one starts. Results are made from it, and
 * a run is continued from it. Every line carries a checksum and is independent of the others, so a damaged line costs
 * only its own content. If its end is damaged, it costs the next line too. The header is stored three times, since
 * nothing can be read without it.
 */

/** The content of a journal. */
interface ReadJournal {
  readonly header: Header;
  readonly entries: readonly Entry[];
  /** Bytes of a last line that was cut short when the run died. */
  readonly truncatedBytes: number;
  /** Numbers, from 1, of damaged lines; they stay in the file and are ignored. */
  readonly damage: readonly { readonly line: number; readonly problem: string }[];
  /** Lines that repeat an earlier one; they are ignored, too. */
  readonly repeated: readonly { readonly line: number; readonly first: number }[];
  /** True if the last process that wrote here died before it recorded its time. */
  readonly wasKilled: boolean;
}

/** A journal that a run is continued with. A torn line is no longer in the file. */
export interface Recovered extends ReadJournal {
  readonly journal: Journal;
}

/** An open journal, which no other process can open while this one lives. */
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

  /** Creates a journal, either with its header or not at all. @throws Error if it cannot be written. */
  static begin(file: string, header: Header): Journal {
    writeAtomically(file, toLine(header).repeat(3));
    return new Journal(file);
  }

  /**
   * Opens the journal of a run to continue, without its torn last line.
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

  /**
   * Appends one line or nothing: a line that the disk has no room for is removed.
   * @param isOnDisk false to leave it to the system when it is on the disk: then it survives any crash but the system's
   */
  append(value: Entry, { isOnDisk = true } = {}): void {
    this.#write(Buffer.from(toLine(value)), isOnDisk);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #recover(file: string): Recovered {
    const { endsWhole, ...read } = readJournal(file);
    // A last line that lacks only its line end is complete.
    if (!endsWhole) this.#write(Buffer.from("\n"));
    else if (read.truncatedBytes > 0) {
      this.#size -= read.truncatedBytes;
      ftruncateSync(this.#descriptor, this.#size);
    }
    return { journal: this, ...read };
  }

  #write(line: Buffer, isOnDisk = true): void {
    try {
      for (let offset = 0; offset < line.length; ) offset += writeSync(this.#descriptor, line, offset);
      if (isOnDisk) fdatasyncSync(this.#descriptor);
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
 * @returns the journal, and whether the last line has its end
 * @throws UsageError if the header is lost, or two lines disagree about one result.
 */
export function readJournal(file: string): ReadJournal & { readonly endsWhole: boolean } {
  const bytes = readBytes(file);
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

function readBytes(file: string): Buffer {
  try {
    return readRegularFile(file, LARGEST_TEXT);
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`${file} ${error.message}; start a new run`);
    throw error;
  }
}

/** The version in a header of another version; undefined for this one's. */
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

/**
 * @throws UsageError if two lines disagree about one result, or about the run: no reader could know which one counts.
 */
function repeatedLines(
  file: string,
  parsed: readonly ParsedLine[],
  texts: readonly string[],
): { line: number; first: number }[] {
  const seen = new Map<string, number>();
  const repeated: { line: number; first: number }[] = [];
  for (const [index, { entry: found }] of parsed.entries()) {
    if (!found) continue;
    // Entries that may occur several times are records with times in nanoseconds: no two are equal.
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

const toLine = (value: Entry): string => `${seal(JSON.stringify(z.encode(entry, value)))}\n`;

const checksum = (json: string): string => crc32(json).toString(16).padStart(8, "0");

/** An object as JSON, with its checksum as the last member. */
const seal = (json: string): string => `${json.slice(0, -1)},"crc32":"${checksum(json)}"}`;

/** The entry of a line, or the reason why it is ignored. */
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
