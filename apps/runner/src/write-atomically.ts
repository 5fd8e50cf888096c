import { renameSync, rmSync, writeFileSync } from "node:fs";

/** Writes a file that nobody ever sees half of, and of which nothing is left if there is no room for all. */
export function writeAtomically(file: string, data: string | Uint8Array): void {
  const partial = `${file}.${process.pid}.partial`;
  try {
    writeFileSync(partial, data);
    renameSync(partial, file);
  } finally {
    rmSync(partial, { force: true });
  }
}
