import { dirname } from "node:path";
import { commandLine, plural, type Results } from "@softmax-bench/core";
import { formatResults } from "@softmax-bench/core/results";
import { renderSummary, reportView } from "@softmax-bench/report";
import { DEFAULT_OUT } from "../../plan/default-out.js";
import { mergeParts, type Part } from "../../results/merge.js";
import { readRuns } from "../../results/run-folders.js";
import { anyBroken, noneAvailable } from "../../run/problems.js";
import { createRunFolder, publish } from "../../run/publish.js";
import {
  type Console,
  type OutputStream,
  terminalOptions,
  writeBlock,
  writeJson,
  writeLine,
} from "../../terminal/console.js";
import { EXIT, UsageError } from "../../terminal/errors.js";
import { newCommand } from "../command.js";

export const command = () =>
  newCommand("report merge")
    .description(
      "Joins the shards of a matrix, from one machine or several, and writes results.json and reports to a folder\n" +
        "like that of any other run. Results of different machines stay apart.",
    )
    .argument("<dirs...>", "folders of runs, or folders that hold some; e.g. shard-1 shard-2")
    .option(
      "--out <dir>",
      `folder that the merged run is written to (default: ${DEFAULT_OUT}); e.g. --out /tmp/runs`,
    )
    .option("--json", "results as JSON on stdout, everything else on stderr; e.g. --json > results.json")
    .addHelpText(
      "after",
      `\nExit codes: 0 done; 1 a shard is missing or was stopped early (the rest is written), no backend was available,
or a cell failed, crashed or timed out; 2 wrong usage, or runs that do not belong together (nothing is written).`,
    );

/** Joins runs of shards into one run. */
export async function merge(argv: readonly string[], console: Console): Promise<number> {
  const parsed = command().parse(argv, { from: "user" });
  const { out = DEFAULT_OUT, json = false } = parsed.opts<{ out?: string; json?: boolean }>();
  const { parts, unfinished } = readRuns(parsed.args);
  const { stdout, stderr } = console;
  for (const path of unfinished) {
    writeLine(stderr, `${path} has no results: its run was killed, or is not over; ${resumeIn(path)}`);
  }
  const [first] = parts;
  if (!first) throw new UsageError("none of these runs has results; nothing to merge");
  const merged = mergeParts(parts);
  const { commit, profile, startedAt } = merged.run;
  if (commit?.endsWith("-dirty")) {
    writeLine(
      stderr,
      `all runs are of ${commit}: whether their uncommitted changes were the same is not known`,
    );
  }

  const folder = createRunFolder(out, `${profile}-merged`, new Date(startedAt));
  const results: Results = { ...merged, run: { ...merged.run, id: folder.id } };
  const view = reportView(results);
  await publish(folder, results, view);
  const shown = json ? stderr : stdout;
  writeBlock(shown, renderSummary(view, terminalOptions(shown)));
  if (json) writeJson(stdout, formatResults(results));
  writeLine(
    stderr,
    `wrote ${folder.path}/results.json, report.md and report.html, of ${plural(parts.length, "run")}`,
  );
  return toExitCode(results, parts, stderr);
}

const resumeIn = (path: string): string =>
  `continue it with: ${commandLine(`bench --resume ${path.split("/").filter(Boolean).at(-1)} --out ${dirname(path)}`)}`;

function toExitCode(results: Results, parts: readonly Part[], stderr: OutputStream): number {
  const { missing = [] } = results.run.merged ?? {};
  for (const { index, count } of missing) {
    const stopped = parts.find(({ results: { run } }) => (run.shard?.index ?? 1) === index);
    writeLine(
      stderr,
      stopped
        ? `shard ${index} of ${count} was stopped early; ${resumeIn(stopped.path)}, and run ${commandLine("report merge")} again`
        : `shard ${index} of ${count} is missing; measure it with --shard ${index}/${count}, and run ${commandLine("report merge")} again`,
    );
  }
  const broken = noneAvailable(results.backends, stderr) || anyBroken(results, stderr);
  return missing.length || broken ? EXIT.failure : EXIT.ok;
}
