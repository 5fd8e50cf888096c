import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { UsageError } from "../terminal/errors.js";

/** The most bytes of a text: larger files are none of ours, and would not fit in a string. */
export const LARGEST_TEXT = 400e6;

/**
 * The bytes of a regular file of bearable size. Anything else, such as a pipe, might never end.
 * @throws UsageError that does not name the file, or an error of the system
 */
export function readRegularFile(file: string, most: number): Buffer {
  // A pipe without a writer would never open.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new UsageError("is not a regular file");
    if (stat.size > most) throw new UsageError(`has ${stat.size} bytes, expected at most ${most}`);
    const bytes = Buffer.alloc(stat.size);
    for (let offset = 0; offset < bytes.length; ) {
      const read = readSync(descriptor, bytes, offset, bytes.length - offset, offset);
      if (read === 0) return bytes.subarray(0, offset);
      offset += read;
    }
    return bytes;
  } finally {
    closeSync(descriptor);
  }
}

/** The same as text. */
export const readText = (file: string): string => readRegularFile(file, LARGEST_TEXT).toString("utf8");
