import { fstatSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FloatArray } from "@softmax-bench/core";

/**
 * How a gradient gets from the worker to the parent: raw values in one open file without a name, which the worker
 * inherits and overwrites in place. Sending it through the process channel takes ten times as long; and a file
 * that has no name is gone with the last of the two processes, however they end.
 */

/** The descriptor under which a worker finds the file. */
export const WORKER_DESCRIPTOR = 4;

/**
 * An empty file that no folder lists, in memory where the system has such a place: no disk is busy while cells are
 * measured.
 *
 * @returns its descriptor, for reading and writing at positions.
 * @throws Error if no temporary folder can be written to.
 */
export function openGradientFile(): number {
  const folder = temporaryFolder();
  try {
    return openSync(join(folder, "gradient"), "w+");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function temporaryFolder(): string {
  for (const parent of ["/dev/shm", tmpdir()]) {
    try {
      return mkdtempSync(join(parent, "softmax-bench-"));
    } catch {
      // Not on this system, or not for this user: the next one.
    }
  }
  throw new Error(`no folder for temporary files: neither /dev/shm nor ${tmpdir()} can be written to`);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: FloatArray): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

export function writeGradient(descriptor: number, gradient: FloatArray): void {
  const bytes = bytesOf(gradient);
  for (let offset = 0; offset < bytes.length; ) {
    offset += writeSync(descriptor, bytes, offset, bytes.length - offset, offset);
  }
  if (fstatSync(descriptor).size !== bytes.length) ftruncateSync(descriptor, bytes.length);
}

/**
 * Fills an array from the file.
 * @throws Error if the file does not hold exactly that many bytes.
 */
export function readGradient(descriptor: number, into: FloatArray): void {
  const bytes = bytesOf(into);
  const { size } = fstatSync(descriptor);
  if (size !== bytes.length) {
    throw new Error(`expected a gradient of ${bytes.length} bytes, the worker wrote ${size}`);
  }
  for (let offset = 0; offset < bytes.length; ) {
    offset += readSync(descriptor, bytes, offset, bytes.length - offset, offset);
  }
}
