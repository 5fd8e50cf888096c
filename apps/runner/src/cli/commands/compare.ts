import { type Comparison, compare as compareResults } from "@softmax-bench/regression";
import { renderComparison } from "@softmax-bench/report";
import { makeOutFolder } from "../../fs/make-folder.js";
import { type LimitFlags, parseLimits, withLimits } from "../../gate/limits.js";
import { renderComparisonFiles, writeOutputs } from "../../gate/outputs.js";
import { DEFAULT_OUT } from "../../plan/default-out.js";
import { needResults, sameKindAs, toCompare } from "../../results/find-results.js";
import { type Console, terminalOptions, writeBlock, writeLine } from "../../terminal/console.js";
import { EXIT, UsageError } from "../../terminal/errors.js";
import { newCommand } from "../command.js";

interface Flags extends LimitFlags {
  readonly in: string;
  readonly out?: string;
  readonly strict?: boolean;
}

export const command = () =>
  withLimits(
    newCommand("compare")
      .description(
        "Compares two results, cell by cell, the largest difference first. Each is named by `latest` (the newest run of the\n" +
          "other's kind), a baseline, a run's id, a file, or a git revision that has a run. Nothing is measured, and nothing is\n" +
          "judged: the command gate measures both in turns, and alone can tell a regression from a slower hour.",
      )
      .argument("<baseline>", "e.g. main")
      .argument("<candidate>", "e.g. latest"),
  )
    .option("--in <dir>", "folder with runs and baselines; e.g. --in /tmp/runs", DEFAULT_OUT)
    .option("--out <dir>", "folder for summary.md, junit.xml and the other formats; e.g. --out /tmp/compared")
    .option("--strict", "exit 1 if a cell is slower, has a larger error or did not run; e.g. --strict")
    .addHelpText("after", COMPARE_EXIT_CODES);

/** Compares two results that are there. */
export async function compare(argv: readonly string[], { stdout, stderr }: Console): Promise<number> {
  const parsed = command().parse(argv, { from: "user" });
  const flags = parsed.opts<Flags>();
  const [baseline = "", candidate = ""] = parsed.args;
  const limits = parseLimits(flags);
  const { before, after } = await toCompare(() => needBothResults(baseline, candidate, flags.in));
  const comparison = compareResults(before.results, after.results, limits, { baseline, candidate });
  if (flags.out) {
    makeOutFolder(flags.out);
    const say = (line: string) => writeLine(stderr, line);
    writeOutputs(flags.out, renderComparisonFiles(comparison, before.results, after.results), say);
    say(`wrote ${flags.out}/summary.md, junit.xml and others`);
  }
  writeBlock(stdout, renderComparison(comparison, terminalOptions(stdout)));
  if (flags.strict && isWorse(comparison)) return EXIT.failure;
  return comparison.cells.some(({ time }) => time) ? EXIT.ok : EXIT.incomparable;
}

const COMPARE_EXIT_CODES = `
Exit codes: 0 compared, whatever differs; 1 with --strict, a cell of the candidate is slower, has a larger error or did
not run; 2 wrong usage; 3 nothing comparable; 130 stopped by Ctrl-C or SIGTERM.`;

const isWorse = ({ cells, notCompared }: Comparison): boolean =>
  cells.some(({ verdict }) => verdict === "slower" || verdict === "regression") ||
  notCompared.some(({ brokenIn }) => brokenIn === "candidate");

/** @throws UsageError if there is nothing by one of the names, or both are the latest. */
async function needBothResults(baseline: string, candidate: string, folder: string) {
  if (baseline === "latest" && candidate === "latest") {
    throw new UsageError(
      "expected two different results, got latest twice; name a baseline, a run or a file",
    );
  }
  if (baseline === "latest") {
    const after = await needResults(candidate, folder);
    return { before: await needResults(baseline, folder, sameKindAs(after.results)), after };
  }
  const before = await needResults(baseline, folder);
  return { before, after: await needResults(candidate, folder, sameKindAs(before.results)) };
}
