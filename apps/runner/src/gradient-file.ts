import { closeSync, fstatSync, ftruncateSync, mkdtempSync, openSync, readSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FloatArray } from "@softmax-bench/core";

/**
 * How a gradient gets from the worker to the parent: raw values in one file, which is overwritten in place.
 * Sending it through the process channel takes ten times as long.
 */

const bytesOf = ({ buffer, byteOffset, byteLength }: FloatArray): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** A new folder in memory where the system has one, so that no disk is busy while cells are measured. */
export function createScratchFolder(): string {
  for (const parent of ["/dev/shm", tmpdir()]) {
    try {
      return mkdtempSync(join(parent, "softmax-bench-"));
    } catch {
      // Not on this system, or not for this user: the next one.
    }
  }
  throw new Error(`no folder for temporary files: neither /dev/shm nor ${tmpdir()} can be written to`);
}

/** Creates the file, empty. */
export const createGradientFile = (file: string): void => closeSync(openSync(file, "w"));

/** @throws Error if the file was not created before. */
export function writeGradient(file: string, gradient: FloatArray): void {
  const bytes = bytesOf(gradient);
  const descriptor = openSync(file, "r+");
  try {
    for (let offset = 0; offset < bytes.length; ) {
      offset += writeSync(descriptor, bytes, offset, bytes.length - offset, offset);
    }
    if (fstatSync(descriptor).size !== bytes.length) ftruncateSync(descriptor, bytes.length);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Fills an array from the file.
 * @throws Error if the file does not hold exactly that many bytes.
 */
export function readGradient(file: string, into: FloatArray): void {
  const bytes = bytesOf(into);
  const descriptor = openSync(file, "r");
  try {
    const { size } = fstatSync(descriptor);
    if (size !== bytes.length) {
      throw new Error(`expected a gradient of ${bytes.length} bytes, the worker wrote ${size}`);
    }
    for (let offset = 0; offset < bytes.length; ) {
      offset += readSync(descriptor, bytes, offset, bytes.length - offset, offset);
    }
  } finally {
    closeSync(descriptor);
  }
}
