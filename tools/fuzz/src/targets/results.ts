import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Results } from "@softmax-bench/core";
import { formatResults, parseResults, ResultsError } from "@softmax-bench/core/results";
import { compare, DEFAULT_LIMITS, toHistoryRun } from "@softmax-bench/regression";
import {
  historyLines,
  historyPage,
  printable,
  renderComparison,
  renderComparisonMarkdown,
  renderMarkdown,
  renderTerminal,
  reportView,
  trackRuns,
} from "@softmax-bench/report";
import { mergeParts } from "../../../../apps/runner/dist/results/merge.js";
import { UsageError } from "../../../../apps/runner/dist/terminal/errors.js";
import { mutateBytes } from "../mutate/bytes.js";
import { mutateJson } from "../mutate/json.js";
import { CORPUS, readCorpus, type Target } from "./target.js";

const PLAIN = { color: false };

/** A report of the results merged with those of another shard, or why they do not belong together. */
function merged(read: Results): string {
  const other = parseResults(readFileSync(join(CORPUS, "results/shard-2.json"), "utf8"));
  try {
    const parts = [
      { path: "one", results: read },
      { path: "other", results: other },
    ];
    return renderTerminal(reportView(mergeParts(parts)), PLAIN);
  } catch (error) {
    if (error instanceof UsageError) return printable(error.message);
    throw error;
  }
}

export const results: Target = {
  seeds: () => readCorpus("results"),
  mutate(file, random) {
    if (random.chance(0.15)) return mutateBytes(file, random);
    return Buffer.from(mutateJson(Buffer.from(file).toString("utf8"), random));
  },
  read(file) {
    const read = parseResults(Buffer.from(file).toString("utf8"));
    return () => {
      const again = parseResults(formatResults(read));
      const view = reportView(again);
      const comparison = compare(read, again, DEFAULT_LIMITS, { baseline: "before", candidate: "after" });
      renderMarkdown(view);
      renderComparisonMarkdown(comparison);
      const history = trackRuns("main", [read, again].map(toHistoryRun));
      historyPage(history);
      historyLines(history);
      return [renderTerminal(view, PLAIN), renderComparison(comparison, PLAIN), merged(read)];
    };
  },
  refusals: [ResultsError],
};
