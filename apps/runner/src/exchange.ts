import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FloatArray, GradientTask, Inputs } from "@softmax-bench/core";

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

/**
 * Two empty files that no folder lists, in memory where the system has such a place: no disk is busy while cells are
 * measured.
 *
 * @throws Error if no temporary folder can be written to.
 */
export function openExchange(): Exchange {
  for (const parent of PARENTS) {
    try {
      const open = () => openSync(parent, constants.O_RDWR | O_TMPFILE, 0o600);
      return { inputs: open(), results: open() };
    } catch {
      // Not on this file system, or not for this user: the next one.
    }
  }
  return openAndUnname();
}

/** The same where no file system has files without names. */
function openAndUnname(): Exchange {
  const folder = temporaryFolder();
  try {
    return {
      inputs: openSync(join(folder, "inputs"), "w+"),
      results: openSync(join(folder, "results"), "w+"),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function closeExchange({ inputs, results }: Exchange): void {
  closeSync(inputs);
  closeSync(results);
}

const PARENTS = ["/dev/shm", tmpdir()];

function temporaryFolder(): string {
  for (const parent of PARENTS) {
    try {
      return mkdtempSync(join(parent, "softmax-bench-"));
    } catch {
      // Not on this system, or not for this user: the next one.
    }
  }
  throw new Error(`no folder for temporary files: neither /dev/shm nor ${tmpdir()} can be written to`);
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
    const bytes = bytesOf(array);
    for (let offset = 0; offset < bytes.length; ) {
      offset += writeSync(descriptor, bytes, offset, bytes.length - offset, position + offset);
    }
    position += bytes.length;
  }
  if (fstatSync(descriptor).size !== position) ftruncateSync(descriptor, position);
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
