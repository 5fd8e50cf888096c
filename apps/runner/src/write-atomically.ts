import { renameSync, rmSync, writeFileSync } from "node:fs";

/** Writes a file that nobody ever sees half of, and of which nothing is left if there is no room for all. */
export function writeAtomically(file: string, data: string | Uint8Array): void {
  const partial = `${file}.${process.pid}.partial`;
  try {
    // On the disk before it gets its name: after a power cut, too, there is all of it or none.
    writeFileSync(partial, data, { flush: true });
    renameSync(partial, file);
  } finally {
    rmSync(partial, { force: true });
  }
}

/** Whether a file is one that a killed process did not finish. */
export const isPartial = (name: string): boolean => name.endsWith(".partial");
