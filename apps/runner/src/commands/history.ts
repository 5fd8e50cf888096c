import { join } from "node:path";
import { plural, type Results } from "@softmax-bench/core";
import { historyPage } from "@softmax-bench/report";
import type { Console } from "../console.js";
import { EXIT } from "../errors.js";
import { needResults, runsIn } from "../find-results.js";
import { makeFolder } from "../make-folder.js";
import { DEFAULT_OUT } from "../options.js";
import { writeAtomically } from "../write-atomically.js";
import { newCommand } from "./command.js";

interface Flags {
  readonly in: string;
  readonly out?: string;
}

const command = () =>
  newCommand("history")
    .description("Writes a page per branch: how times and errors went over the runs in a folder.")
    .option("--in <dir>", "folder with runs; e.g. --in /tmp/runs", DEFAULT_OUT)
    .option("--out <dir>", "folder for the pages (default: history in --in); e.g. --out /tmp/pages")
    .addHelpText(
      "after",
      "\nExit codes: 0 done; 2 wrong usage, or a run that cannot be read; 3 there is no run.",
    );

/** Writes `<branch>.html` for every branch that has runs. */
export async function history(argv: readonly string[], { stdout, stderr }: Console): Promise<number> {
  const flags = command().parse(argv, { from: "user" }).opts<Flags>();
  const out = flags.out ?? join(flags.in, "history");
  const branches = new Map<string, Results[]>();
  for (const id of runsIn(flags.in)) {
    const { results } = await needResults(id, flags.in);
    if (results.cells.length === 0) continue;
    const branch = results.run.branch ?? "unknown";
    branches.set(branch, [...(branches.get(branch) ?? []), results]);
  }
  if (branches.size === 0) {
    stderr.write(`there is no run in ${flags.in}; pnpm bench makes one\n`);
    return EXIT.incomparable;
  }
  makeFolder(out);
  for (const [branch, runs] of branches) {
    // A branch may be called anything: what a file cannot, becomes a hyphen.
    const file = join(out, `${branch.replaceAll(/[^\w.-]+/g, "-").replace(/^\.+/, "")}.html`);
    writeAtomically(file, historyPage(branch, runs));
    stdout.write(`${file}: ${plural(runs.length, "run")}\n`);
  }
  return EXIT.ok;
}
