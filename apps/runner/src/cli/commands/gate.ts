import { renderComparison } from "@softmax-bench/report";
import type { Command } from "commander";
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
import { backendIds } from "../../plan/load-backends.js";
import { checkOptions, resolveSettings } from "../../plan/options.js";
import { createRunFolder } from "../../run/publish.js";
import { agreeOnParts } from "../../session/agree-on-parts.js";
import { type Console, terminalOptions, writeBlock, writeLine } from "../../terminal/console.js";
import { EXIT } from "../../terminal/errors.js";
import {
  addDtypeOption,
  addHostOption,
  commaSeparated,
  duration,
  integer,
  newCommand,
  type SelectionFlags,
  toConsent,
  withSelection,
} from "../command.js";

interface Flags extends SelectionFlags, LimitFlags {
  readonly baseline: string;
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
            .requiredOption(
              "--baseline <name>",
              "a baseline, a run, a results file or a git revision; e.g. --baseline main",
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
export async function gate(argv: readonly string[], console: Console): Promise<number> {
  const { stdout, stderr, signal } = console;
  const flags = command().parse(argv, { from: "user" }).opts<Flags>();
  requireClone("it measures two revisions of the clone; here, compare compares two runs");
  const limits = parseLimits(flags);
  const given = { seed: integer("--seed", flags.seed), threads: integer("--threads", flags.threads) ?? 1 };
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  const { seed, threads } = resolveSettings(checkOptions(Object.fromEntries(set), "flags"), {});
  const patience = toPatience(duration("--timeout", flags.timeout));
  const say = (line: string) => writeLine(stderr, line);
  const startedAt = new Date();
  try {
    const consent = toConsent(flags, console);
    if (consent && (await agreeOnParts(consent, { backends: await backendIds() }, signal)))
      await provisionIn({ name: "this checkout", folder: REPOSITORY_ROOT }, { patience, signal });
    const { comparison, baseline, candidate } = await runGate({
      baseline: flags.baseline,
      selection: { flags: toSelectionFlags(flags), named: flags.backend ?? [] },
      out: flags.out,
      limits,
      seed,
      threads,
      patience,
      signal,
      say,
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

const toSelectionFlags = ({ backend, host, method, dtype, workload }: Flags): string[] =>
  Object.entries({ backend, host, method, dtype, workload }).flatMap(([name, values]) =>
    values ? [`--${name}`, values.join(",")] : [],
  );
