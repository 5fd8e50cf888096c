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
import { join } from "node:path";
import { isSystemError, type SystemError } from "@softmax-bench/core";
import type { Values } from "@softmax-bench/measure";

/** Raw values in two open files without a name, one for inputs, one for results. */
export interface ArrayFiles {
  /** Descriptors, for reading and writing at positions. */
  readonly inputs: number;
  readonly results: number;
}

/** Linux' open flag for a file without a name; Node has no constant for it. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** Opens two empty files that no folder lists. @throws Error if the folder cannot be written to */
export function openFiles(parent: string): ArrayFiles {
  const open = () => openSync(parent, constants.O_RDWR | O_TMPFILE, 0o600);
  try {
    return { inputs: open(), results: open() };
  } catch {
    return openAndUnname(parent);
  }
}

/** Does the same on a file system without unnamed files. */
function openAndUnname(parent: string): ArrayFiles {
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

/** Opens a file by the descriptor that a process inherited. */
export function openInherited(descriptor: number): number {
  // Deno knows only the descriptors of files that it has opened.
  return "Deno" in globalThis ? openSync(`/proc/self/fd/${descriptor}`, "r+") : descriptor;
}

export function closeFiles({ inputs, results }: ArrayFiles): void {
  closeSync(inputs);
  closeSync(results);
}

/** Copies the whole content of a file. */
export function copyFile(from: number, to: number): void {
  const buffer = new Uint8Array(2 ** 20);
  for (let position = 0; ; ) {
    const read = readSync(from, buffer, 0, buffer.length, position);
    if (read === 0) return;
    position += writeAll(to, buffer.subarray(0, read), position);
  }
}

/** Bytes of all arrays together. */
export const totalBytes = (arrays: readonly Values[]): number =>
  arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);

const bytesOf = ({ buffer, byteOffset, byteLength }: Values): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Writes arrays one after the other. The file ends after the last. */
export function writeArrays(descriptor: number, arrays: readonly Values[]): void {
  let position = 0;
  for (const array of arrays) {
    position += writeAll(descriptor, bytesOf(array), position);
  }
  if (fstatSync(descriptor).size !== position) ftruncateSync(descriptor, position);
}

/** @returns the number of bytes written */
function writeAll(descriptor: number, bytes: Uint8Array, position: number): number {
  for (let offset = 0; offset < bytes.length; ) {
    offset += writeSync(descriptor, bytes, offset, bytes.length - offset, position + offset);
  }
  return bytes.length;
}

/** Fills arrays with the content of the file from a position on. @throws Error if it ends before that */
export function readArrays(descriptor: number, arrays: readonly Values[], start: number): void {
  let position = start;
  for (const array of arrays) {
    const bytes = bytesOf(array);
    for (let offset = 0; offset < bytes.length; ) {
      const read = readSync(descriptor, bytes, offset, bytes.length - offset, position + offset);
      if (read === 0) throw new Error(`the file of arrays ends ${bytes.length - offset} bytes early`);
      offset += read;
    }
    position += bytes.length;
  }
}

/** True if an error reports that a place for files is full. */
export const isFull = (error: unknown): error is SystemError =>
  isSystemError(error) && (error.code === "ENOSPC" || error.code === "EDQUOT");
