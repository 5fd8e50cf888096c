import { existsSync } from "node:fs";
import { compare as compareResults } from "@softmax-bench/regression";
import { renderComparison } from "@softmax-bench/report";
import { type Console, wantsColor } from "../console.js";
import { messageOf, UsageError } from "../errors.js";
import { needResults } from "../find-results.js";
import { type LimitFlags, limitsOf, withLimits } from "../gate/limits.js";
import { EXIT_CODES_HELP, exitCodeOf, filesOf, writeOutputs } from "../gate/outputs.js";
import { makeFolder } from "../make-folder.js";
import { DEFAULT_OUT } from "../options.js";
import { newCommand } from "./command.js";

interface Flags extends LimitFlags {
  readonly in: string;
  readonly out?: string;
}

const command = () =>
  withLimits(
    newCommand("compare")
      .description(
        "Compares two results, cell by cell. Each is named by `latest`, a baseline, a run's id, a file, or a git\n" +
          "revision that has a run. Nothing is measured; pnpm gate measures both in turns, and sees far more.",
      )
      .argument("<baseline>", "e.g. main")
      .argument("<candidate>", "e.g. latest"),
  )
    .option("--in <dir>", "folder with runs and baselines; e.g. --in /tmp/runs", DEFAULT_OUT)
    .option("--out <dir>", "folder for summary.md, junit.xml and the other formats; e.g. --out /tmp/compared")
    .addHelpText("after", EXIT_CODES_HELP);

/** Compares two results that are there. */
export async function compare(argv: readonly string[], { stdout, stderr }: Console): Promise<number> {
  const parsed = command().parse(argv, { from: "user" });
  const flags = parsed.opts<Flags>();
  const [baseline = "", candidate = ""] = parsed.args;
  const limits = limitsOf(flags);
  const [before, after] = [await needResults(baseline, flags.in), await needResults(candidate, flags.in)];
  const comparison = compareResults(before.results, after.results, limits, { baseline, candidate });
  if (flags.out) {
    writeOutputs(folderAt(flags.out), filesOf(comparison, before.results, after.results));
    stderr.write(`wrote ${flags.out}/summary.md, junit.xml and others\n`);
  }
  stdout.write(`${renderComparison(comparison, { color: wantsColor(stdout) })}\n`);
  return exitCodeOf(comparison);
}

function folderAt(path: string): string {
  try {
    if (!existsSync(path)) makeFolder(path);
    return path;
  } catch (error) {
    throw new UsageError(`cannot write to --out ${path}: ${messageOf(error)}; choose another folder`);
  }
}
