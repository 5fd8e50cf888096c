import { randomBytes } from "node:crypto";
import { readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const PARTIAL = ".partial";

/** Writes a file that nobody ever sees half of, and of which nothing is left if there is no room for all. */
export function writeAtomically(file: string, data: string | Uint8Array): void {
  const partial = `${file}.${randomBytes(6).toString("hex")}${PARTIAL}`;
  try {
    // On the disk before it gets its name: after a power cut, too, there is all of it or none.
    writeFileSync(partial, data, { flag: "wx", flush: true });
    renameSync(partial, file);
  } finally {
    rmSync(partial, { force: true });
  }
}

/** Removes what killed processes left of a file, which no other process may be writing now. */
export function removePartials(file: string): void {
  const [folder, start] = [dirname(file), `${basename(file)}.`];
  const partials = readdirSync(folder).filter((name) => name.startsWith(start) && name.endsWith(PARTIAL));
  for (const name of partials) rmSync(join(folder, name), { force: true });
}
