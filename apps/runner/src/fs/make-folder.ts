import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { isSystemError, messageOf } from "@softmax-bench/core";
import { UsageError } from "../terminal/errors.js";

/**
 * Makes a folder, with all that it lies in, unless it is there. Node's `recursive` does not return where a file system
 * has no such folder and lets none be made, as /proc.
 * @throws Error if it cannot be made
 */
export function makeFolder(path: string): void {
  const missing = [resolve(path)];
  for (let parent = dirname(resolve(path)); !existsSync(parent); parent = dirname(parent)) {
    missing.unshift(parent);
  }
  for (const folder of missing) {
    try {
      mkdirSync(folder);
    } catch (error) {
      const isThere = isSystemError(error) && error.code === "EEXIST" && statSync(folder).isDirectory();
      if (!isThere) throw error;
    }
  }
}

/** Makes the folder of `--out`, unless it is there. @throws UsageError if that cannot be. */
export function makeOutFolder(path: string): void {
  try {
    makeFolder(path);
  } catch (error) {
    throw new UsageError(`cannot write to --out ${path}: ${messageOf(error)}; choose another folder`);
  }
}
