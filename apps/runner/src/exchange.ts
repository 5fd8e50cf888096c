import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FloatArray, GradientTask, Inputs } from "@softmax-bench/core";
import { isSystemError, messageOf, UsageError } from "./errors.js";

/**
 * How arrays get from the parent to the worker and back: raw values in two open files without a name, which the worker
 * inherits – one for inputs, one for results. Sending them through the process channel takes ten times as long; and a
 * file that has no name is gone with the last of the two processes, however they end.
 */
export interface Exchange {
  /** Descriptors, for reading and writing at positions. */
  readonly inputs: number;
  readonly results: number;
}

/** Under these descriptors a worker finds the files. */
export const WORKER_EXCHANGE: Exchange = { inputs: 4, results: 5 };

/** Linux' open flag for a file without a name; Node has no constant for it. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** Memory where the system has such a place: no disk is busy while cells are measured. */
const SHARED_MEMORY = "/dev/shm";

/** The parent's exchange. It begins in shared memory, which a container may have little of, and moves out of it once that is full. */
export class MovableExchange implements Exchange, Disposable {
  readonly #say: (line: string) => void;
  #files: Exchange;
  #movedAway = false;

  /**
   * @param say takes a line for the user when shared memory is not there, or is full
   * @throws UsageError if the temporary folder cannot be written to either
   */
  constructor(say: (line: string) => void) {
    this.#say = say;
    try {
      this.#files = openFiles(SHARED_MEMORY);
    } catch (error) {
      this.#files = openTemporaryFiles(`no shared memory (${messageOf(error)})`);
      this.#movedAway = true;
      say(`no shared memory (${messageOf(error)}): arrays go through files in ${tmpdir()}`);
    }
  }

  get inputs(): number {
    return this.#files.inputs;
  }

  get results(): number {
    return this.#files.results;
  }

  /**
   * Moves the inputs out of shared memory, if they are still there. Workers that inherited the files before have to be replaced.
   * @returns whether there is more room now
   * @throws Error if there is no room in the temporary folder either, or it cannot be written to
   */
  move(): boolean {
    if (this.#movedAway) return false;
    const before = this.#files;
    const reason = `${SHARED_MEMORY} is full${sizeOfPlace(SHARED_MEMORY)}`;
    this.#files = openTemporaryFiles(reason);
    this.#movedAway = true;
    this.#say(
      `${reason}: arrays go through files in ${tmpdir()} from now on; docker run --shm-size, or a volume of medium Memory there, gives a container more`,
    );
    copyFile(before.inputs, this.#files.inputs);
    closeFiles(before);
    return true;
  }

  [Symbol.dispose](): void {
    closeFiles(this.#files);
  }
}

/** Whether an error says that a place for files is full. */
export const isNoRoom = (error: unknown): error is NodeJS.ErrnoException =>
  isSystemError(error) && (error.code === "ENOSPC" || error.code === "EDQUOT");

/** Two empty files that no folder lists. @throws Error if the folder cannot be written to */
function openFiles(parent: string): Exchange {
  const open = () => openSync(parent, constants.O_RDWR | O_TMPFILE, 0o600);
  try {
    return { inputs: open(), results: open() };
  } catch {
    return openAndUnname(parent);
  }
}

/**
 * Two empty files in the temporary folder.
 * @param reason why they cannot be in shared memory
 * @throws UsageError if they cannot be there either
 */
function openTemporaryFiles(reason: string): Exchange {
  try {
    return openFiles(tmpdir());
  } catch (error) {
    throw new UsageError(
      `${reason}, and no file can be made in ${tmpdir()} (${messageOf(error)}): the measuring process gets its arrays through one of the two; make one of them larger or writable (docker run --shm-size or --tmpfs ${tmpdir()}), or set TMPDIR`,
    );
  }
}

/** The same where the file system has no files without names. */
function openAndUnname(parent: string): Exchange {
  const folder = mkdtempSync(join(parent, "softmax-bench-"));
  try {
    return {
      inputs: openSync(join(folder, "inputs"), "w+"),
      results: openSync(join(folder, "results"), "w+"),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function closeFiles({ inputs, results }: Exchange): void {
  closeSync(inputs);
  closeSync(results);
}

function copyFile(from: number, to: number): void {
  const buffer = new Uint8Array(2 ** 20);
  for (let position = 0; ; ) {
    const read = readSync(from, buffer, 0, buffer.length, position);
    if (read === 0) return;
    position += writeAll(to, buffer.subarray(0, read), position);
  }
}

function sizeOfPlace(path: string): string {
  try {
    const { blocks, bsize } = statfsSync(path);
    return ` (${Math.round((blocks * bsize) / 2 ** 20)} MiB in all)`;
  } catch {
    return "";
  }
}

export type Values = FloatArray | Int32Array;

/** Writes arrays for the worker, one after the other. */
export const writeInputs = ({ inputs }: Exchange, arrays: readonly Values[]): void =>
  writeArrays(inputs, arrays);

/** Arrays for the inputs of a task, filled with zeros. */
export function allocateInputs({ dtype, rows, classes, loss }: GradientTask): Inputs {
  const floats = (length: number) => floatArray(dtype, length);
  return {
    logits: floats(rows * classes),
    labels: loss?.targets === "probabilities" ? floats(rows * classes) : new Int32Array(rows),
    ...(loss?.weighted ? { weights: floats(classes) } : {}),
    ...(loss?.reduction === "none" ? { upstream: floats(rows) } : {}),
  };
}

/** Fills arrays with one of the sets of such arrays in the file. @throws Error if the file ends before that. */
export const readInputs = ({ inputs }: Exchange, set: number, into: readonly Values[]): void =>
  readArrays(inputs, into, set * sizeOf(into));

/** The inputs of a task, in the order in which they lie in the file. */
export const arraysOf = ({ logits, labels, weights, upstream }: Inputs): Values[] => [
  logits,
  labels,
  ...(weights ? [weights] : []),
  ...(upstream ? [upstream] : []),
];

/** Writes arrays for the parent, one after the other. */
export const writeResults = ({ results }: Exchange, arrays: readonly Values[]): void =>
  writeArrays(results, arrays);

/** Values in the loss of a task. */
export const lossLength = ({ rows, loss }: Pick<GradientTask, "rows" | "loss">): number =>
  loss?.reduction === "none" ? rows : 1;

/** Fills arrays with what the worker wrote. @throws Error if the file does not hold exactly those. */
export function readResults({ results }: Exchange, into: readonly Values[]): void {
  const { size } = fstatSync(results);
  if (size !== sizeOf(into)) {
    throw new Error(`expected results of ${sizeOf(into)} bytes, the worker wrote ${size}`);
  }
  readArrays(results, into, 0);
}

export const floatArray = (dtype: GradientTask["dtype"], length: number): FloatArray =>
  dtype === "float32" ? new Float32Array(length) : new Float64Array(length);

const sizeOf = (arrays: readonly Values[]): number =>
  arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);

const bytesOf = ({ buffer, byteOffset, byteLength }: Values): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

function writeArrays(descriptor: number, arrays: readonly Values[]): void {
  let position = 0;
  for (const array of arrays) {
    position += writeAll(descriptor, bytesOf(array), position);
  }
  if (fstatSync(descriptor).size !== position) ftruncateSync(descriptor, position);
}

/** @returns how many bytes that were */
function writeAll(descriptor: number, bytes: Uint8Array, position: number): number {
  for (let offset = 0; offset < bytes.length; ) {
    offset += writeSync(descriptor, bytes, offset, bytes.length - offset, position + offset);
  }
  return bytes.length;
}

function readArrays(descriptor: number, arrays: readonly Values[], start: number): void {
  let position = start;
  for (const array of arrays) {
    const bytes = bytesOf(array);
    for (let offset = 0; offset < bytes.length; ) {
      const read = readSync(descriptor, bytes, offset, bytes.length - offset, position + offset);
      if (read === 0) throw new Error(`the exchange file ends ${bytes.length - offset} bytes early`);
      offset += read;
    }
    position += bytes.length;
  }
}
