import { renderComparison } from "@softmax-bench/report";
import type { Command } from "commander";
import { bisect } from "../../bisect/bisect.js";
import { REPOSITORY_ROOT, requireClone } from "../../fs/repository.js";
import { provisionIn } from "../../gate/checkout.js";
import { type LimitFlags, parseLimits, withLimits } from "../../gate/limits.js";
import {
  EXIT_CODES_HELP,
  renderFiles,
  summarizeFailure,
  toExitCode,
  writeOutputs,
} from "../../gate/outputs.js";
import { toPatience } from "../../gate/patience.js";
import { gate as runGate } from "../../gate/run.js";
import { DEFAULT_OUT } from "../../plan/default-out.js";
import { checkOptions, resolveSettings } from "../../plan/options.js";
import { createRunFolder } from "../../run/publish.js";
import { type Console, terminalOptions, writeBlock, writeLine } from "../../terminal/console.js";
import { EXIT, UsageError } from "../../terminal/errors.js";
import {
  addDtypeOption,
  addHostOption,
  commaSeparated,
  duration,
  integer,
  newCommand,
  type SelectionFlags,
  withSelection,
} from "../command.js";

interface Flags extends SelectionFlags, LimitFlags {
  readonly baseline?: string;
  readonly bisect?: string;
  readonly cell?: string;
  readonly dtype?: string[];
  readonly host?: string[];
  readonly workload?: string[];
  readonly seed?: string;
  readonly timeout?: string;
  readonly out: string;
}

export const command = (): Command =>
  addHostOption(
    addDtypeOption(
      withSelection(
        withLimits(
          newCommand("gate")
            .description(
              "Fails if this checkout computes gradients slower or less exactly than a baseline – and only then.\n" +
                "Both revisions are measured here, in turns, in fresh processes, with one thread unless --threads says more;\n" +
                "docs/regression-gate.md says how.",
            )
            .option(
              "--baseline <name>",
              "a baseline, a run, a results file or a git revision; e.g. --baseline main",
            )
            .option(
              "--bisect <good..bad>",
              "instead of --baseline: names the commit from which on --cell is worse (docs/history.md); e.g. --bisect v1..HEAD",
            )
            .option(
              "--cell <cell>",
              "the cell of --bisect, as bench --list prints it; e.g. --cell 'wasm-simd manual/fused float32 vocab'",
            ),
        ),
        { threads: "1" },
      ),
    ),
  )
    .option("--workload <ids>", "workloads, as of bench; e.g. --workload vocab,64x1000", commaSeparated)
    .option("--seed <n>", "seed of inputs and of the order of processes (default: 0); e.g. --seed 7")
    .option(
      "--timeout <duration>",
      "longest that a step of either revision may take before it is ended (default: 5m to list cells, 30m each to install and to build, 5m from one measured cell to the next; where no turns are taken, 5m and all that the profile allows for starting backends and for each cell); e.g. --timeout 20m",
    )
    .option(
      "--out <dir>",
      "folder with runs and baselines, and for the outcome; e.g. --out /tmp/runs",
      DEFAULT_OUT,
    )
    .addHelpText("after", EXIT_CODES_HELP);

/** Measures, compares, writes every format, and exits by the outcome. */
export async function gate(argv: readonly string[], { stdout, stderr, signal }: Console): Promise<number> {
  const flags = command().parse(argv, { from: "user" }).opts<Flags>();
  requireClone("it measures two revisions of the clone; here, compare compares two runs");
  const task = chooseTask(flags);
  const limits = parseLimits(flags);
  const given = { seed: integer("--seed", flags.seed), threads: integer("--threads", flags.threads) ?? 1 };
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  const { seed, threads } = resolveSettings(checkOptions(Object.fromEntries(set), "flags"), {});
  const patience = toPatience(duration("--timeout", flags.timeout));
  const say = (line: string) => writeLine(stderr, line);
  const startedAt = new Date();
  try {
    if (flags.provision)
      await provisionIn({ name: "this checkout", folder: REPOSITORY_ROOT }, { patience, signal });
    const common = { out: flags.out, limits, seed, threads, patience, signal, say };
    if (task.kind === "bisect") {
      const { range, cell } = task;
      return await bisect({ ...common, range, cell, print: (line) => writeLine(stdout, line) });
    }
    const { comparison, baseline, candidate } = await runGate({
      ...common,
      baseline: task.baseline,
      selection: { flags: toSelectionFlags(flags), named: flags.backend ?? [] },
    });
    const folder = createRunFolder(flags.out, "gate", startedAt);
    writeOutputs(folder.path, renderFiles(comparison, baseline, candidate));
    writeBlock(stdout, renderComparison(comparison, terminalOptions(stdout)));
    say(`wrote ${folder.path}/summary.md, junit.xml and others`);
    return toExitCode(comparison);
  } catch (error) {
    if (!signal.aborted) {
      summarizeFailure(error);
      throw error;
    }
    say("stopped; nothing was concluded");
    return EXIT.interrupted;
  }
}

type Task =
  | { readonly kind: "gate"; readonly baseline: string }
  | { readonly kind: "bisect"; readonly range: string; readonly cell: string };

/** @throws UsageError unless the flags ask for one thing */
function chooseTask({ baseline, bisect: range, cell, ...selection }: Flags): Task {
  if (range === undefined) {
    if (cell !== undefined)
      throw new UsageError("--cell is that of --bisect; choose cells with --backend and others");
    if (baseline === undefined) throw new UsageError("required option '--baseline <name>' not specified");
    return { kind: "gate", baseline };
  }
  const others = Object.entries({ baseline, ...selectionValues(selection) }).filter(([, value]) => value);
  if (others.length > 0) throw new UsageError(`--bisect is of one --cell, without --${others[0]?.[0]}`);
  if (cell === undefined || cell.split(" ").length !== 4) {
    throw new UsageError(
      `--bisect needs --cell with one cell as bench --list prints it, got ${cell === undefined ? "none" : JSON.stringify(cell)}`,
    );
  }
  return { kind: "bisect", range, cell };
}

const selectionValues = ({
  backend,
  host,
  method,
  dtype,
  workload,
}: Omit<Flags, "baseline" | "bisect" | "cell">) => ({
  backend,
  host,
  method,
  dtype,
  workload,
});

const toSelectionFlags = (flags: Flags): string[] =>
  Object.entries(selectionValues(flags)).flatMap(([name, values]) =>
    values ? [`--${name}`, values.join(",")] : [],
  );
