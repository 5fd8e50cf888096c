import { join } from "node:path";
import { commandLine, plural, type Results } from "@softmax-bench/core";
import { historyPage } from "@softmax-bench/report";
import { fileNameFor } from "../../fs/file-name.js";
import { makeOutFolder } from "../../fs/make-folder.js";
import { writeAtomically } from "../../fs/write-atomically.js";
import { DEFAULT_OUT } from "../../plan/default-out.js";
import { needResults, runsIn } from "../../results/find-results.js";
import { type Console, writeLine } from "../../terminal/console.js";
import { EXIT } from "../../terminal/errors.js";
import { newCommand } from "../command.js";

interface Flags {
  readonly in: string;
  readonly out?: string;
}

export const command = () =>
  newCommand("report history")
    .description("Writes a page per branch: how times and errors went over the runs in a folder.")
    .option("--in <dir>", "folder with runs; e.g. --in /tmp/runs", DEFAULT_OUT)
    .option("--out <dir>", "folder for the pages (default: history in --in); e.g. --out /tmp/pages")
    .addHelpText(
      "after",
      "\nExit codes: 0 done; 2 wrong usage, or a run that cannot be read; 3 there is no run.",
    );

/** Writes a page for every branch with runs, and one for runs of no branch: `(none)`, which no branch is called. */
export async function history(argv: readonly string[], { stdout, stderr }: Console): Promise<number> {
  const flags = command().parse(argv, { from: "user" }).opts<Flags>();
  const out = flags.out ?? join(flags.in, "history");
  const branches = new Map<string | null, Results[]>();
  for (const id of runsIn(flags.in)) {
    const { results } = await needResults(id, flags.in);
    if (results.cells.length === 0) continue;
    const { branch = null } = results.run;
    branches.set(branch, [...(branches.get(branch) ?? []), results]);
  }
  if (branches.size === 0) {
    writeLine(stderr, `there is no run in ${flags.in}; ${commandLine("bench")} makes one`);
    return EXIT.incomparable;
  }
  makeOutFolder(out);
  for (const [branch, runs] of branches) {
    const file = join(out, `${branch === null ? "(none)" : fileNameFor(branch)}.html`);
    writeAtomically(file, historyPage(branch ?? "no branch", runs));
    writeLine(stdout, `${file}: ${plural(runs.length, "run")}`);
  }
  return EXIT.ok;
}
