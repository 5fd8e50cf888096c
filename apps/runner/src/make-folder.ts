import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { isSystemError } from "./errors.js";

/**
 * Makes a folder, with all that it lies in, unless it is there. Node's `recursive` does not return where a file system has
 * no such folder and lets none be made, as /proc.
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
