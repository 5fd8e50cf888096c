import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Results } from "@softmax-bench/core";
import { parseResults } from "@softmax-bench/core/results";

/** The one run in an output folder. */
export function onlyRun(out: string): { id: string; path: string; results: () => Results; journal: string } {
  const [id, ...others] = readdirSync(out);
  if (!id || others.length > 0) throw new Error(`expected one run in ${out}, found ${[id, ...others]}`);
  const path = join(out, id);
  return {
    id,
    path,
    journal: join(path, "journal.jsonl"),
    results: () => parseResults(readFileSync(join(path, "results.json"), "utf8")),
  };
}
