import { join } from "node:path";
import { cellKey } from "@softmax-bench/core";
import { BROWSER_KINDS, type BrowserKind } from "@softmax-bench/host-browser";
import { DEFAULT_LIMITS, gateComparison } from "@softmax-bench/regression";
import { Option } from "commander";
import { makeFolder } from "../../fs/make-folder.js";
import { currentCommit, REPOSITORY_ROOT, requireClone } from "../../fs/repository.js";
import { writeAtomically } from "../../fs/write-atomically.js";
import { Baseline } from "../../gate/baseline.js";
import { listIn } from "../../gate/checkout.js";
import { measureGate } from "../../gate/measure.js";
import { toPatience } from "../../gate/patience.js";
import { validationMarkdown } from "../../gate/validation/document.js";
import { type Experiment, INJECTED_ERROR, selectValidation } from "../../gate/validation/experiments.js";
import { injectedCheckout } from "../../gate/validation/injected-checkout.js";
import type { Injection } from "../../gate/validation/injection.js";
import {
  appendLine,
  type ExperimentOutcome,
  readValidation,
  type ValidationHeader,
} from "../../gate/validation/journal.js";
import { evaluateClaims } from "../../gate/validation/proofs.js";
import { DEFAULT_OUT } from "../../plan/default-out.js";
import { describeEnvironment } from "../../run/machine/environment.js";
import { type Console, writeLine } from "../../terminal/console.js";
import { EXIT, UsageError } from "../../terminal/errors.js";
import { newCommand } from "../command.js";

interface Flags {
  readonly quick?: boolean;
  readonly host?: BrowserKind;
  readonly out: string;
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
    .option(
      "--out <dir>",
      "folder for its journal; e.g. --out /tmp/validation",
      join(DEFAULT_OUT, "validation"),
    )
    .addHelpText(
      "after",
      "\nWithout --quick the results go to docs/regression-gate-validation.md, or that of the browser; else to validation.md in --out.\n" +
        "\nExit codes: 0 every claim holds; 1 one does not; 2 wrong usage; 130 stopped.",
    );

/** Runs the experiments that the journal lacks, and writes what all of them show. */
export async function validateGate(
  argv: readonly string[],
  { stdout, stderr, signal }: Console,
): Promise<number> {
  const { quick = false, host, out } = command().parse(argv, { from: "user" }).opts<Flags>();
  requireClone("it measures copies of the clone; run it in one");
  const say = (line: string) => writeLine(stderr, line);
  const file = join(out, "journal.jsonl");
  makeFolder(out);
  const { header, outcomes } = openJournal(file, quick, host);
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

/** The journal of this validation, created if missing. @throws UsageError if it belongs to another one. */
function openJournal(
  file: string,
  quick: boolean,
  browser: BrowserKind | undefined,
): { header: ValidationHeader; outcomes: ExperimentOutcome[] } {
  const { cpu, cores, node } = describeEnvironment();
  const now = { quick, commit: currentCommit(), cpu, cores, node, ...(browser && { browser }) };
  const before = readValidation(file);
  if (!before) {
    const header = { type: "validation", ...now, startedAt: new Date().toISOString() } as const;
    appendLine(file, header);
    return { header, outcomes: [] };
  }
  const { type: _, startedAt: __, ...then } = before.header;
  const keys = Object.keys({ ...then, ...now }) as (keyof typeof now)[];
  const other = keys.find((key) => then[key] !== now[key]);
  if (other) {
    throw new UsageError(
      `${file} was begun with ${other} ${then[other]}, and now it is ${now[other]}; delete it, or choose another --out`,
    );
  }
  return before;
}

async function carryOut(
  { id, kind, selection, method, slowdown, maxSlowdown, seed }: Experiment,
  { pages, say, signal }: { pages: boolean; say: (line: string) => void; signal: AbortSignal },
): Promise<ExperimentOutcome> {
  const begun = performance.now();
  const limits = { ...DEFAULT_LIMITS, ...(maxSlowdown === undefined ? {} : { maxSlowdown }) };
  const injection: Injection = {
    ...(method ? { method } : {}),
    ...(slowdown === undefined ? {} : { slowdown }),
    ...(kind === "error" ? { gradientError: INJECTED_ERROR } : {}),
  };
  const patience = toPatience();
  const baseline = Baseline.of({ name: "this checkout", folder: REPOSITORY_ROOT });
  using candidate = injectedCheckout(id, injection, pages ? "pages" : "processes");
  const cells = await listIn(candidate, ["--profile", "gate", ...selection], { patience, signal });
  const passes = await measureGate({
    baseline,
    candidate,
    cells,
    seed,
    signal,
    say,
    limits,
    threads: 1,
    patience,
    ...(kind === "error" ? { only: "errors" } : { only: "times" }),
  });
  const names = { baseline: baseline.name, candidate: id };
  const comparison = gateComparison(passes, cells, limits, names);
  return {
    type: "outcome",
    id,
    kind,
    seconds: (performance.now() - begun) / 1000,
    cells: comparison.cells.map(({ verdict, time, error, ...cell }) => ({
      cell: cellKey(cell),
      injected: kind === "error" || cell.method === method,
      verdict,
      ...(time ? { slowdown: time.slowdown, blocks: time.blocks } : {}),
      reason: (verdict === error?.verdict ? error : (time ?? error))?.reason ?? "",
    })),
    broken: comparison.notCompared.filter(({ kind: how }) => how === "broken").map(cellKey),
  };
}
