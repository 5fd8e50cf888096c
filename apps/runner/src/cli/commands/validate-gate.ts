import { join } from "node:path";
import { BROWSER_KINDS, type BrowserKind } from "@softmax-bench/host-browser";
import { Option } from "commander";
import { makeFolder } from "../../fs/make-folder.js";
import { REPOSITORY_ROOT, requireClone } from "../../fs/repository.js";
import { writeAtomically } from "../../fs/write-atomically.js";
import { parseLimits } from "../../gate/limits.js";
import { carryOut } from "../../gate/validation/carry-out.js";
import { SLOWDOWNS } from "../../gate/validation/curve/design.js";
import { curveMarkdown } from "../../gate/validation/curve/document.js";
import { measureCurve } from "../../gate/validation/curve/measure-curve.js";
import { validationMarkdown } from "../../gate/validation/document.js";
import { selectValidation } from "../../gate/validation/experiments.js";
import { openValidation } from "../../gate/validation/journal.js";
import { appendLine } from "../../gate/validation/line-journal.js";
import { evaluateClaims } from "../../gate/validation/proofs.js";
import { DEFAULT_OUT } from "../../plan/default-out.js";
import { type Console, writeLine } from "../../terminal/console.js";
import { EXIT, UsageError } from "../../terminal/errors.js";
import { inRange, newCommand } from "../command.js";

interface Flags {
  readonly quick?: boolean;
  readonly curve?: boolean;
  readonly instructions?: boolean;
  readonly busy?: boolean;
  readonly rounds?: string;
  readonly maxSlowdown?: string;
  readonly host?: BrowserKind;
  readonly out?: string;
}

export const command = () =>
  newCommand("gate validate")
    .description(
      "Proves that the gate is red when something regressed, and only then: compares this checkout with copies of it\n" +
        "that are the same, slower, or less exact. Stopped, it goes on where it was when it is started again.",
    )
    .option("--quick", "a few cells, in a minute or two: shows that it works, proves nothing; e.g. --quick")
    .addOption(
      new Option("--host <browser>", "gate pages of this browser, not processes; e.g. --host chromium")
        .choices(BROWSER_KINDS)
        .conflicts("quick"),
    )
    .addOption(
      new Option(
        "--curve",
        "instead, how often a slowdown is found, by its size: gates whose cells are slowed by 0 to 20 %; e.g. --curve",
      ).conflicts("quick"),
    )
    .addOption(
      new Option(
        "--instructions",
        "with --curve: counts of instructions, not times; e.g. --instructions",
      ).conflicts(["host", "quick"]),
    )
    .option("--busy", "with --curve: while a program keeps one core busy; e.g. --busy")
    .addOption(
      new Option(
        "--max-slowdown <percent>",
        "with --curve: the slowdown that its gates must find (default: 10%); e.g. --max-slowdown 5%",
      ).conflicts("instructions"),
    )
    .option(
      "--rounds <n>",
      "with --curve: number of gates; default: as many as there are sizes; e.g. --rounds 3",
    )
    .option(
      "--out <dir>",
      `folder for its journal; default: ${join(DEFAULT_OUT, "validation")}, of a curve ${join(DEFAULT_OUT, "curve")}; e.g. --out /tmp/validation`,
    )
    .addHelpText(
      "after",
      "\nThe results go to docs/regression-gate-validation.md, or that of the browser; with --quick to validation.md, and with --curve to\n" +
        "curve.md, in --out. A curve whose journal has all rounds is drawn again, whatever the commit and the machine.\n" +
        "\nExit codes: 0 every claim holds; 1 one does not; 2 wrong usage; 130 stopped.",
    );

/** Runs the experiments that the journal lacks, and writes what all of them show. */
export async function validateGate(
  argv: readonly string[],
  { stdout, stderr, signal }: Console,
): Promise<number> {
  const flags = command().parse(argv, { from: "user" }).opts<Flags>();
  requireClone("it measures copies of the clone; run it in one");
  const { quick = false, host, out = join(DEFAULT_OUT, "validation") } = flags;
  const say = (line: string) => writeLine(stderr, line);
  if (flags.curve) return drawCurve(flags, say, signal);
  requireCurve(flags);
  const file = join(out, "journal.jsonl");
  makeFolder(out);
  const { header, outcomes } = openValidation(file, quick, host);
  const validation = selectValidation(quick, host);
  const { experiments } = validation;
  for (const [index, experiment] of experiments.entries()) {
    if (outcomes.some(({ id }) => id === experiment.id)) continue;
    say(`experiment ${index + 1} of ${experiments.length}: ${experiment.id}`);
    try {
      const outcome = await carryOut(experiment, { pages: host !== undefined, say, signal });
      appendLine(file, outcome);
      outcomes.push(outcome);
    } catch (error) {
      if (!signal.aborted) throw error;
      say("stopped; the same command goes on with this experiment");
      return EXIT.interrupted;
    }
  }
  const proofs = evaluateClaims(outcomes, validation);
  const name = ["regression-gate-validation", host].filter(Boolean).join("-");
  const page = quick ? join(out, "validation.md") : join(REPOSITORY_ROOT, "docs", `${name}.md`);
  writeAtomically(page, validationMarkdown(header, outcomes, proofs));
  for (const { claim, found, holds } of proofs)
    writeLine(stdout, `${holds ? "holds" : "FAILS"}: ${claim}: ${found}`);
  say(`wrote ${page}`);
  return proofs.every(({ holds }) => holds) ? EXIT.ok : EXIT.failure;
}

/** @throws UsageError naming a flag that is only for curves */
function requireCurve(flags: Flags): void {
  const given = Object.entries({
    "--instructions": flags.instructions,
    "--busy": flags.busy,
    "--max-slowdown": flags.maxSlowdown,
    "--rounds": flags.rounds,
  }).find(([, value]) => value !== undefined);
  if (given) throw new UsageError(`${given[0]} is for a curve; add --curve`);
}

const MOST_ROUNDS = 1000;

async function drawCurve(flags: Flags, say: (line: string) => void, signal: AbortSignal): Promise<number> {
  const {
    instructions = false,
    busy = false,
    host,
    rounds: wanted,
    out = join(DEFAULT_OUT, "curve"),
  } = flags;
  const measure = instructions ? "instructions" : "time";
  const rounds = wanted === undefined ? SLOWDOWNS[measure].length : inRange("--rounds", wanted, MOST_ROUNDS);
  const limits = parseLimits(flags);
  makeFolder(out);
  const file = join(out, "journal.jsonl");
  try {
    const { header, rounds: measured } = await measureCurve({
      measure,
      busy,
      browser: host,
      limits,
      rounds,
      file,
      say,
      signal,
    });
    const page = join(out, "curve.md");
    writeAtomically(page, curveMarkdown(header, measured));
    say(`wrote ${page}`);
    return EXIT.ok;
  } catch (error) {
    if (!signal.aborted) throw error;
    say("stopped; the same command goes on with this round");
    return EXIT.interrupted;
  }
}
