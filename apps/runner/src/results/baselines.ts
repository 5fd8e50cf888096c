import { dirname } from "node:path";
import type { Results, Timing } from "@softmax-bench/core";
import { formatResults } from "@softmax-bench/core/results";
import { isFileName } from "../fs/file-name.js";
import { makeFolder } from "../fs/make-folder.js";
import { writeAtomically } from "../fs/write-atomically.js";
import { UsageError } from "../terminal/errors.js";
import { baselineFile } from "./find-results.js";

/** @throws UsageError if no baseline can have this name. */
export function checkBaselineName(name: string): void {
  if (!isFileName(name) || name === "latest") {
    throw new UsageError(
      `--save-baseline takes a name of letters, digits and any of "_.@+-", with a letter, digit or "_" first, and not latest; got ${JSON.stringify(name)}`,
    );
  }
}

/** Keeps results as a baseline, which is committed: without raw samples, a tenth of the size. Returns the file. */
export function saveBaseline(out: string, name: string, results: Results): string {
  const file = baselineFile(out, name);
  makeFolder(dirname(file));
  writeAtomically(file, formatResults({ ...results, cells: results.cells.map(withoutSamples) }));
  return file;
}

function withoutSamples(cell: Results["cells"][number]): Results["cells"][number] {
  if (!cell.timing) return cell;
  const bare = (timing: Timing): Timing => ({ ...timing, samples: [] });
  const phases = Object.entries(cell.timing).map(([phase, timing]) => [phase, timing && bare(timing)]);
  return { ...cell, timing: Object.fromEntries(phases) };
}
