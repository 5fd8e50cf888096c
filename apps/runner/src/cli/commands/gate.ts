import { renderComparison } from "@softmax-bench/report";
import type { Command } from "commander";
import { HERE } from "../../fs/repository.js";
import { runIn } from "../../gate/checkout.js";
import { type LimitFlags, limitsOf, withLimits } from "../../gate/limits.js";
import { EXIT_CODES_HELP, exitCodeOf, filesOf, writeOutputs } from "../../gate/outputs.js";
import { gate as runGate } from "../../gate/run.js";
import { checkOptions, DEFAULT_OUT, resolveSettings } from "../../plan/options.js";
import { createRunFolder } from "../../run/publish.js";
import { type Console, wantsColor, writeLine } from "../../terminal/console.js";
import { EXIT, UsageError } from "../../terminal/errors.js";
import {
  addDtypeOption,
  commaSeparated,
  integer,
  newCommand,
  type SelectionFlags,
  withSelection,
} from "../command.js";

interface Flags extends SelectionFlags, LimitFlags {
  readonly baseline: string;
  readonly dtype?: string[];
  readonly workload?: string[];
  readonly seed?: string;
  readonly out: string;
}

const command = (): Command =>
  addDtypeOption(
    withSelection(
      withLimits(
        newCommand("gate")
          .description(
            "Fails if this checkout computes gradients slower or less exactly than a baseline – and only then.\n" +
              "Both revisions are measured here, in turns, in fresh processes, with one thread unless --threads says more;\n" +
              "docs/regression-gate.md says how.",
          )
          .requiredOption(
            "--baseline <name>",
            "a baseline, a run, a results file or a git revision; e.g. --baseline main",
          ),
      ),
      { threads: "1" },
    ),
  )
    .option("--workload <ids>", "workloads, as of pnpm bench; e.g. --workload vocab,64x1000", commaSeparated)
    .option("--seed <n>", "seed of inputs and of the order of processes (default: 0); e.g. --seed 7")
    .option(
      "--out <dir>",
      "folder with runs and baselines, and for the outcome; e.g. --out /tmp/runs",
      DEFAULT_OUT,
    )
    .addHelpText("after", EXIT_CODES_HELP);

/** Measures what is needed, compares, writes every format, and exits by what came out. */
export async function gate(argv: readonly string[], { stdout, stderr, signal }: Console): Promise<number> {
  const flags = command().parse(argv, { from: "user" }).opts<Flags>();
  const limits = limitsOf(flags);
  const given = { seed: integer("--seed", flags.seed), threads: integer("--threads", flags.threads) ?? 1 };
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  const { seed, threads } = resolveSettings(checkOptions(Object.fromEntries(set), "flags"), {});
  const say = (line: string) => writeLine(stderr, line);
  const startedAt = new Date();
  try {
    if (flags.provision) await runIn({ name: "this checkout", folder: HERE }, ["provision"], signal);
    const request = { baseline: flags.baseline, selection: selectionOf(flags), out: flags.out };
    const { comparison, baseline, candidate } = await runGate({
      ...request,
      limits,
      seed,
      threads,
      signal,
      say,
    });
    requireNamed(flags.backend, candidate.backends);
    const folder = createRunFolder(flags.out, "gate", startedAt);
    writeOutputs(folder.path, filesOf(comparison, baseline, candidate));
    stdout.write(`${renderComparison(comparison, { color: wantsColor(stdout) })}\n`);
    say(`wrote ${folder.path}/summary.md, junit.xml and others`);
    return exitCodeOf(comparison);
  } catch (error) {
    if (!signal.aborted) throw error;
    say("stopped; nothing was concluded");
    return EXIT.interrupted;
  }
}

const selectionOf = ({ backend, method, dtype, workload }: Flags): string[] =>
  Object.entries({ backend, method, dtype, workload }).flatMap(([name, values]) =>
    values ? [`--${name}`, values.join(",")] : [],
  );

/** A gate that was asked for a backend by name does not pass without it. */
function requireNamed(
  named: readonly string[] | undefined,
  backends: readonly {
    id: string;
    status: string;
    reason?: string | undefined;
    remedy?: string | undefined;
  }[],
): void {
  const absent = backends.find(({ id, status }) => named?.includes(id) && status === "unavailable");
  if (absent) throw new UsageError(`${absent.id} is unavailable: ${absent.reason}; ${absent.remedy}`);
}
