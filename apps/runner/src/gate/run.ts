import { cellKey, plural, type Results } from "@softmax-bench/core";
import {
  type Comparison,
  compare,
  gateComparison,
  type Limits,
  mergedSide,
  type Names,
} from "@softmax-bench/regression";
import { cleanCommit, commitOf, HERE } from "../fs/repository.js";
import { type Found, findResults, hasCells, needResults } from "../results/find-results.js";
import { UsageError } from "../terminal/errors.js";
import { type Checkout, listIn, measureIn, type PassOptions } from "./checkout.js";
import { measureGate } from "./measure.js";
import { checkoutOf } from "./revision.js";

export interface GateRequest extends Omit<PassOptions, "profile" | "cells"> {
  /** A baseline, run, file or git revision. */
  readonly baseline: string;
  /** Flags of `pnpm bench` that choose cells. */
  readonly selection: readonly string[];
  readonly limits: Limits;
  /** Folder with baselines and runs. */
  readonly out: string;
  readonly say: (line: string) => void;
}

export interface Gated {
  readonly comparison: Comparison;
  readonly baseline: Results;
  readonly candidate: Results;
}

const CANDIDATE = "this checkout";

/**
 * Compares this checkout with a baseline. Where the baseline is of a commit that is here, both are measured, in turns;
 * else there is only its file to compare with.
 */
export async function gate(request: GateRequest): Promise<Gated> {
  const { baseline: name, signal, say } = request;
  const found = await findResults(name, request.out, hasCells);
  const commit = await revisionOf(name, found);
  const candidate: Checkout = { name: CANDIDATE, folder: HERE };
  if (!commit)
    return againstFile(request, found ?? (await needResults(name, request.out, hasCells)), candidate);
  if (commit === (await cleanCommit())) {
    say(`${name} is this very commit: a null comparison, of what must not differ`);
    return inTurns(request, { ...candidate, name }, candidate);
  }
  return inTurns(request, await checkoutOf(name, commit, { say, signal }), candidate);
}

/** The commit to measure: that of the results, else what git calls by this name. */
async function revisionOf(name: string, found: Found | undefined): Promise<string | undefined> {
  const recorded = found?.results.run.commit;
  if (!found) return commitOf(name);
  return recorded && /^[0-9a-f]{7,64}$/.test(recorded) ? commitOf(recorded) : undefined;
}

async function inTurns(request: GateRequest, baseline: Checkout, candidate: Checkout): Promise<Gated> {
  const { selection, limits, signal } = request;
  const list = (checkout: Checkout, flags: readonly string[]) =>
    listIn(checkout, ["--profile", "gate", ...flags], signal);
  const asked = await list(candidate, selection);
  // The baseline may lack what the flags name, and then has not its cells either.
  const has = new Set(await list(baseline, workloadFlags(asked)));
  const cells = asked.filter((cell) => has.has(cell));
  if (cells.length === 0)
    throw new UsageError(`${baseline.name} has none of ${plural(asked.length, "cell")} that were asked for`);
  const passes = await measureGate({ ...request, baseline, candidate, cells });
  const comparison = gateComparison(passes, cells, limits, namesOf(baseline, candidate));
  const missing = asked.filter((cell) => !has.has(cell));
  const notes = missing.length
    ? [`not in the baseline, and new here: ${plural(missing.length, "cell")}.`]
    : [];
  return {
    comparison: { ...comparison, notes: [...comparison.notes, ...notes] },
    baseline: mergedSide(passes, "baseline"),
    candidate: mergedSide(passes, "candidate"),
  };
}

const namesOf = (baseline: Checkout, candidate: Checkout): Names => ({
  baseline: baseline.name,
  candidate: candidate.name,
});

const workloadFlags = (cells: readonly string[]): string[] => [
  "--workload",
  [...new Set(cells.map((cell) => cell.split(" ").at(-1)))].join(","),
];

/** The cells of the file, measured as the file was: one after the other, and perhaps elsewhere. */
async function againstFile(request: GateRequest, { results }: Found, candidate: Checkout): Promise<Gated> {
  const { baseline: name, selection, limits, signal, say } = request;
  const why = results.run.commit ? `commit ${results.run.commit} is not here` : "it names no commit";
  say(`only the file of ${name} can be compared with, since ${why}: that is far weaker than measuring both`);
  const cells = await listIn(candidate, ["--profile", results.run.profile, ...selection], signal);
  const measured = await measureIn(candidate, {
    ...{ ...request, profile: results.run.profile, cells, seed: results.run.seed ?? request.seed },
  });
  const wanted = new Set(measured.cells.map(cellKey));
  const selected = { ...results, cells: results.cells.filter((cell) => wanted.has(cellKey(cell))) };
  return {
    comparison: {
      ...compare(selected, measured, limits, { baseline: name, candidate: candidate.name }),
      judges: true,
    },
    baseline: selected,
    candidate: measured,
  };
}
