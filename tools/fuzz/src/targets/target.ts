import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Random } from "../random.js";

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));

export const CORPUS = join(ROOT, "tools/fuzz/corpus");

/** A format and its reader. */
export interface Target {
  /** Good files, and odd ones that reached far into the reader. */
  seeds(): readonly Uint8Array[];
  /** Another file that is similar. */
  mutate(file: Uint8Array, random: Random): Uint8Array;
  /**
   * Reads a file.
   * @param folder that the target may write to
   * @returns a function that uses the content, must not throw, and returns the output to print
   * @throws one of `refusals`; any other error is a fault
   */
  read(file: Uint8Array, folder: string): () => readonly string[];
  /** The errors that describe a fault in a file. */
  readonly refusals: readonly (new (
    ...args: never[]
  ) => Error)[];
}

/** The files that are kept for a format; there may be none. */
export function readCorpus(name: string): Uint8Array[] {
  const folder = join(CORPUS, name);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .toSorted()
    .map((file) => readFileSync(join(folder, file)));
}
