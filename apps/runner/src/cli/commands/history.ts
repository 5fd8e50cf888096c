import { join } from "node:path";
import { commandLine, plural } from "@softmax-bench/core";
import { type HistoryRun, toHistoryRun, trackChanges } from "@softmax-bench/regression";
import { type History, historyJson, historyLines, historyPage, trackRuns } from "@softmax-bench/report";
import { fileNameFor } from "../../fs/file-name.js";
import { makeOutFolder } from "../../fs/make-folder.js";
import { writeAtomically } from "../../fs/write-atomically.js";
import { DEFAULT_OUT } from "../../plan/default-out.js";
import { readRun, runsIn } from "../../results/find-results.js";
import { importSeries } from "../../results/import/import-series.js";
import { type Console, writeLine } from "../../terminal/console.js";
import { EXIT, UsageError } from "../../terminal/errors.js";
import { newCommand } from "../command.js";

interface Flags {
  readonly in: string;
  readonly out?: string;
  readonly import?: string;
  readonly reference?: string;
}

export const command = () =>
  newCommand("report history")
    .description(
      "Finds the runs in a folder from which on times and errors differ, and writes a page per branch and history.json;\n" +
        "docs/history.md says how.",
    )
    .option("--in <dir>", "folder with runs; e.g. --in /tmp/runs", DEFAULT_OUT)
    .option(
      "--out <dir>",
      "folder for the pages (default: history in --in; with --import, the file's name with .history, beside it); e.g. --out /tmp/pages",
    )
    .option(
      "--reference <cell>",
      'backend and method to whose times those of several machines are in ratio (default: the one timed most often); e.g. --reference "wasm-simd manual/fused"',
    )
    .option(
      "--import <file>",
      "a history of another tool instead of runs: data.js of github-action-benchmark, or JSON of bencher perf; e.g. --import data.js",
    )
    .addHelpText(
      "after",
      "\nExit codes: 0 done, whatever changed; 2 wrong usage, or a file that cannot be read; 3 there is no run.",
    );

/** A history, with the name of its page and the number of what it is over. */
interface Page {
  readonly history: History;
  /** Without extension. */
  readonly name: string;
  readonly count: string;
  /** The values that it is not over; undefined if there are none. */
  readonly omitted?: string | undefined;
}

/** Writes a page for every branch with runs, and one for runs of no branch: `(none)`, which no branch is called. */
export async function history(argv: readonly string[], { stdout, stderr }: Console): Promise<number> {
  const flags = command().parse(argv, { from: "user" }).opts<Flags>();
  const pages = flags.import === undefined ? pagesOfRuns(flags) : pagesOfImport(flags.import);
  if (pages.length === 0) {
    writeLine(
      stderr,
      flags.import === undefined
        ? `there is no run in ${flags.in}; ${commandLine("bench")} makes one`
        : `there is no value in ${flags.import}`,
    );
    return EXIT.incomparable;
  }
  const out = flags.out ?? defaultOut(flags);
  makeOutFolder(out);
  for (const { history: each, name, count, omitted } of pages) {
    const file = join(out, `${name}.html`);
    writeAtomically(file, historyPage(each));
    writeLine(stdout, `${file}: ${count}`);
    if (omitted !== undefined) writeLine(stdout, omitted);
    for (const line of historyLines(each)) writeLine(stdout, line);
  }
  writeAtomically(join(out, "history.json"), historyJson(pages.map((page) => page.history)));
  return EXIT.ok;
}

/** A folder of its own for each import: none may replace the pages of our runs, or of another file. */
const defaultOut = ({ in: folder, import: file }: Flags): string =>
  file === undefined ? join(folder, "history") : `${file}.history`;

function pagesOfRuns({ in: folder, reference }: Flags): Page[] {
  const branches = new Map<string | null, HistoryRun[]>();
  for (const id of runsIn(folder)) {
    const { results } = readRun(folder, id);
    if (results.cells.length === 0) continue;
    const run = toHistoryRun(results);
    const { branch = null } = run.run;
    const own = branches.get(branch);
    if (own) own.push(run);
    else branches.set(branch, [run]);
  }
  const runs = [...branches.values()].flat();
  if (reference !== undefined) requireReference(reference, runs);
  return [...branches].map(([branch, own]) => ({
    history: trackRuns(branch ?? "no branch", own, reference),
    name: branch === null ? "(none)" : fileNameFor(branch),
    count: plural(own.length, "run"),
    omitted: describeOmitted(own),
  }));
}

/** `left out: times of 2 runs on a busy machine, 13 times that had not settled` */
function describeOmitted(runs: readonly HistoryRun[]): string | undefined {
  const busy = runs.filter(({ isBusy }) => isBusy).length;
  const [unsettled, unfinished] = (["unsettled", "unfinished"] as const).map((kind) =>
    runs.reduce((sum, run) => sum + run[kind], 0),
  ) as [number, number];
  const parts = [
    ...(busy > 0 ? [`times of ${plural(busy, "run")} on a busy machine`] : []),
    ...(unsettled > 0 ? [`${plural(unsettled, "time")} that had not settled`] : []),
    ...(unfinished > 0
      ? [`${plural(unfinished, "time")} that lack processes, since their runs were interrupted`]
      : []),
  ];
  return parts.length > 0 ? `left out: ${parts.join(", ")}` : undefined;
}

/** @throws UsageError naming those there are, if no run has a reference */
function requireReference(reference: string, runs: readonly HistoryRun[]): void {
  const known = new Set(
    runs.flatMap(({ cells }) => cells.map(({ key }) => key.split(" ").slice(0, 2).join(" "))),
  );
  if (known.size === 0 || known.has(reference)) return;
  throw new UsageError(
    `--reference takes a backend and a method that the runs have, got ${JSON.stringify(reference)}; there are ${[...known].slice(0, 8).join(", ")}`,
  );
}

const pagesOfImport = (file: string): Page[] =>
  [...importSeries(file)]
    .filter(([, series]) => series.length > 0)
    .map(([branch, series]) => ({
      history: { branch, series: trackChanges(series) },
      name: fileNameFor(branch),
      count: plural(series.length, "series", "series"),
    }));
