import { cellId } from "@softmax-bench/regression";
import { renderComparison } from "@softmax-bench/report";
import { type Command, CommanderError } from "commander";
import { REPOSITORY_ROOT, requireClone } from "../../fs/repository.js";
import { annotateComparison, annotateFailure } from "../../gate/annotations.js";
import { bisect } from "../../gate/bisect/bisect.js";
import { provisionIn } from "../../gate/checkout.js";
import { findSimulator } from "../../gate/counting/simulator.js";
import { type LimitFlags, parseLimits, withInstructionLimit, withLimits } from "../../gate/limits.js";
import {
  EXIT_CODES_HELP,
  endBy,
  renderGateFiles,
  STOPPED,
  toExitCode,
  writeEnd,
  writeOutputs,
} from "../../gate/outputs.js";
import { toPatience } from "../../gate/patience.js";
import { gate as runGate } from "../../gate/run.js";
import { TimeBudget } from "../../gate/time-budget.js";
import { DEFAULT_OUT } from "../../plan/default-out.js";
import { THIS_NODE } from "../../plan/host-requests.js";
import { backendIds } from "../../plan/load-backends.js";
import { checkOptions, resolveSettings } from "../../plan/options.js";
import { agreeOnParts } from "../../run/agree-on-parts.js";
import { createRunFolder } from "../../run/publish.js";
import { type Console, terminalOptions, writeBlock, writeLine } from "../../terminal/console.js";
import { UsageError } from "../../terminal/errors.js";
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
  readonly baseline?: string;
  readonly bisect?: string;
  readonly dtype?: string[];
  readonly host?: string[];
  readonly workload?: string[];
  readonly cell?: string[];
  readonly prepare?: string;
  readonly seed?: string;
  readonly time?: string;
  readonly timeout?: string;
  readonly errorOnly?: boolean;
  readonly instructions?: boolean;
  readonly out: string;
}

export const command = (): Command =>
  addHostOption(
    addDtypeOption(
      withSelection(
        withLimits(
          withInstructionLimit(
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
              ),
          ),
        ),
        { threads: "1" },
      ),
    ),
  )
    .option("--workload <ids>", "workloads, as of bench; e.g. --workload vocab,64x1000", commaSeparated)
    .option(
      "--error-only",
      "compares errors alone, those along the sweeps of precision too, without times: about a minute where no gradient changed; e.g. --baseline main --error-only",
    )
    .option(
      "--instructions",
      "also counts the instructions that each call executes, in a simulated processor (Valgrind): what one thread computes in WebAssembly or JavaScript, in Node; e.g. --baseline main --instructions",
    )
    .option(
      "--cell <cell>",
      "one cell as bench --list prints it, several times for several, instead of --backend, --method, --dtype and --workload; e.g. --cell 'tfjs-wasm mine/loss float32 vocab'",
      commaSeparated,
    )
    .option(
      "--prepare <command>",
      "in a repository of your own: a shell command that makes the baseline's checkout ready, instead of sharing this one's packages or installing its lockfile's; e.g. --prepare 'npm ci && npm run build'",
    )
    .option("--seed <n>", "seed of inputs and of the order of processes (default: 0); e.g. --seed 7")
    .option(
      "--time <duration>",
      "how long the gate may take in all; what there is no time for is inconclusive (default: no limit); e.g. --time 10m",
    )
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

/** Measures, compares, writes every format, and exits by the outcome. What prevents a verdict is written in the same places. */
export async function gate(argv: readonly string[], console: Console): Promise<number> {
  const { stderr, signal } = console;
  const say = (line: string) => writeLine(stderr, line);
  const annotate = (lines: readonly string[]) => {
    // Its runner reads both streams, and shows these lines beside the pull request.
    if (process.env.GITHUB_ACTIONS === "true") for (const line of lines) say(line);
  };
  const startedAt = new Date();
  let createFolder: (() => string) | undefined;
  try {
    const flags = command().parse(argv, { from: "user" }).opts<Flags>();
    let folder: string | undefined;
    createFolder = () => {
      folder ??= createRunFolder(flags.out, "gate", startedAt).path;
      return folder;
    };
    return await carryOut(flags, { console, say, annotate, createFolder });
  } catch (error) {
    const isHelp = error instanceof CommanderError && error.exitCode === 0;
    if (isHelp) throw error;
    if (!signal.aborted) {
      annotate([annotateFailure(error)]);
      writeEnd(createFolder, endBy(error), say);
      throw error;
    }
    writeEnd(createFolder, STOPPED, say);
    say(STOPPED.reason);
    return STOPPED.exitCode;
  }
}

interface Surroundings {
  readonly console: Console;
  readonly say: (line: string) => void;
  readonly annotate: (lines: readonly string[]) => void;
  /** Makes the folder for the outcome. */
  readonly createFolder: () => string;
}

async function carryOut(
  flags: Flags,
  { console, say, annotate, createFolder }: Surroundings,
): Promise<number> {
  const { stdout, signal } = console;
  const task = chooseTask(flags);
  const limits = parseLimits(flags);
  const given = { seed: integer("--seed", flags.seed), threads: integer("--threads", flags.threads) ?? 1 };
  if (flags.instructions) await checkCounting(flags);
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  const { seed, threads } = resolveSettings(checkOptions(Object.fromEntries(set), "flags"), {});
  const patience = toPatience(duration("--timeout", flags.timeout));
  using budget = new TimeBudget(duration("--time", flags.time));
  const consent = toConsent(flags, console);
  const mayProvision = async (backends?: readonly string[]) =>
    consent !== undefined &&
    (await agreeOnParts(consent, { backends: backends ?? (await backendIds()) }, signal));
  const common = {
    out: flags.out,
    prepare: flags.prepare,
    mayProvision,
    limits,
    seed,
    threads,
    patience,
    budget,
    signal: budget.within(signal),
    say,
  };
  if (task.kind === "bisect") {
    if (await mayProvision()) await provisionIn({ name: "this checkout", folder: REPOSITORY_ROOT }, common);
    return await bisect({ ...common, ...task, annotate, print: (line) => writeLine(stdout, line) });
  }
  const gated = await runGate({
    ...common,
    baseline: task.baseline,
    selection: {
      flags: toSelectionFlags(flags),
      named: [...(flags.backend ?? []), ...(flags.cell ?? []).map((cell) => cellId(cell).backend)],
      isDefault: !(flags.cell ?? flags.backend ?? flags.method),
    },
    instructions: flags.instructions ?? false,
    only: flags.errorOnly ? "errors" : undefined,
  });
  const { comparison } = gated;
  const folder = createFolder();
  writeOutputs(folder, renderGateFiles(gated), say);
  writeBlock(stdout, renderComparison(comparison, terminalOptions(stdout)));
  annotate(annotateComparison(comparison));
  say(`wrote ${folder}/summary.md, junit.xml and others`);
  return toExitCode(comparison);
}

/** @throws UsageError if instructions cannot be counted, before anything else is done */
async function checkCounting({ errorOnly, host }: Flags): Promise<void> {
  if (errorOnly) {
    throw new UsageError(
      "--instructions counts beside times, and --error-only takes none; leave out one of the two",
    );
  }
  if (host?.some((id) => id !== THIS_NODE)) {
    throw new UsageError(
      `--instructions counts in this Node, got --host ${host.join()}; leave out one of the two`,
    );
  }
  await findSimulator();
}

type Task =
  | { readonly kind: "gate"; readonly baseline: string }
  | { readonly kind: "bisect"; readonly range: string; readonly cell: string };

/** @throws UsageError unless the flags ask for one thing */
function chooseTask({ baseline, bisect: range, cell: cells, ...flags }: Flags): Task {
  if (range === undefined) {
    if (baseline === undefined) throw new UsageError("required option '--baseline <name>' not specified");
    return { kind: "gate", baseline };
  }
  requireClone("--bisect builds revisions of the clone");
  const { backend, host, method, dtype, workload, prepare, errorOnly, instructions } = flags;
  const others = { baseline, backend, host, method, dtype, workload, prepare, errorOnly, instructions };
  const [other] = Object.entries(others).find(([, value]) => value) ?? [];
  if (other !== undefined) throw new UsageError(`--bisect is of one --cell, without --${toFlagName(other)}`);
  const [cell, ...more] = cells ?? [];
  if (cell === undefined || more.length > 0 || cell.split(" ").length !== 4) {
    throw new UsageError(
      `--bisect needs --cell with one cell as bench --list prints it, got ${cells ? JSON.stringify(cells.join()) : "none"}`,
    );
  }
  return { kind: "bisect", range, cell };
}

/** `errorOnly` as it is written on the command line. */
const toFlagName = (property: string): string =>
  property.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const toSelectionFlags = ({ backend, host, method, dtype, workload, cell }: Flags): string[] =>
  Object.entries({ backend, host, method, dtype, workload, cell }).flatMap(([name, values]) =>
    values ? [`--${name}`, values.join(",")] : [],
  );
