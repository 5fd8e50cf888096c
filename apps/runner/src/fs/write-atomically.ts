import { randomBytes } from "node:crypto";
import { readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const PARTIAL = ".partial";

/** Writes a file as a whole: no reader sees half of it, and nothing of it is left if there is no room for all. */
export function writeAtomically(file: string, data: string | Uint8Array): void {
  const partial = `${file}.${randomBytes(6).toString("hex")}${PARTIAL}`;
  try {
    // Written to the disk before it gets its name: also after a power cut, all of it exists or nothing.
    writeFileSync(partial, data, { flag: "wx", flush: true });
    renameSync(partial, file);
  } finally {
    rmSync(partial, { force: true });
  }
}

/** Removes a killed process's leftovers of a file. No other process may be writing it now. */
export function removePartials(file: string): void {
  const [folder, start] = [dirname(file), `${basename(file)}.`];
  const partials = readdirSync(folder).filter((name) => name.startsWith(start) && name.endsWith(PARTIAL));
  for (const name of partials) rmSync(join(folder, name), { force: true });
}
