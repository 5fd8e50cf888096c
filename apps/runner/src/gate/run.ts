import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cellKey, plural, type Results } from "@softmax-bench/core";
import {
  type Comparison,
  cellId,
  compare,
  gateComparison,
  type Limits,
  mergedSide,
  type Names,
  type NotCompared,
} from "@softmax-bench/regression";
import { cleanCommit, REPOSITORY_ROOT, resolveCommit } from "../fs/repository.js";
import { PROFILES, type Profile } from "../plan/profiles.js";
import {
  findResults,
  hasCells,
  type LocatedResults,
  needResults,
  toCompare,
} from "../results/find-results.js";
import { IncomparableError, UsageError } from "../terminal/errors.js";
import { type Checkout, listIn, measureIn, type PassOptions } from "./checkout.js";
import { type GateRun, measureGate } from "./measure.js";
import { prepareCheckout } from "./revision.js";

/** A choice of cells. */
interface GateSelection {
  /** Flags of `pnpm bench`. */
  readonly flags: readonly string[];
  /** Named backends; the gate does not pass without them. */
  readonly named: readonly string[];
}

export interface GateRequest
  extends Omit<PassOptions, "profile" | "cells">,
    Pick<GateRun, "only" | "blockFactor"> {
  /** A baseline, run, file or git revision. */
  readonly baseline: string;
  readonly selection: GateSelection;
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
 * Compares this checkout with a baseline. If the baseline's commit is present here, both are measured, in turns.
 * Otherwise only its file can be compared with.
 */
export async function gate(request: GateRequest): Promise<Gated> {
  const gated = await measureOrRead(request);
  return { ...gated, comparison: withNamed(gated, request) };
}

async function measureOrRead(request: GateRequest): Promise<Gated> {
  const { baseline: name, say } = request;
  const found = await toCompare(findResults(name, request.out, hasCells));
  const commit = await findCommit(name, found);
  const candidate: Checkout = { name: CANDIDATE, folder: REPOSITORY_ROOT };
  if (!commit)
    return againstFile(request, found ?? (await needResults(name, request.out, hasCells)), candidate);
  if (commit === (await cleanCommit())) {
    say(`${name} is this very commit: a null comparison, of what must not differ`);
    return gateCheckouts(request, { ...candidate, name }, candidate);
  }
  const baseline = await prepareCheckout(name, commit, request);
  const gated = await gateCheckouts(request, baseline, candidate);
  checkCommit(gated.baseline, baseline, commit);
  return gated;
}

/** @throws UsageError if a side's recorded commit is not the one it was built from */
export function checkCommit({ run }: Results, { name, folder }: Checkout, commit: string): void {
  if (run.commit === null || run.commit.replace(/-dirty$/, "") === commit) return;
  throw new UsageError(
    `${name} was built from commit ${commit}, and what ran says it is ${run.commit}; delete ${folder} to have it built again`,
  );
}

/** The comparison in which the cells of a named backend are broken if a side lacks that backend. */
function withNamed({ comparison, baseline, candidate }: Gated, { selection, say }: GateRequest): Comparison {
  const lost = new Set<string>();
  for (const { backends } of [candidate, baseline]) {
    for (const { id, status, reason, remedy } of backends) {
      if (status === "available" || lost.has(id) || !selection.named.includes(id)) continue;
      lost.add(id);
      const side = backends === candidate.backends ? "" : ` in ${comparison.baseline.name}`;
      say(`gate: ${id} is unavailable${side}: ${reason}; ${remedy}`);
    }
  }
  const notCompared = comparison.notCompared.map((cell) =>
    lost.has(cell.backend) ? { ...cell, kind: "broken" as const } : cell,
  );
  return { ...comparison, notCompared };
}

/** The commit to measure: that of the results, otherwise git's for this name. */
async function findCommit(name: string, found: LocatedResults | undefined): Promise<string | undefined> {
  const recorded = found?.results.run.commit;
  if (!found) return resolveCommit(name);
  return recorded && /^[0-9a-f]{7,64}$/.test(recorded) ? resolveCommit(recorded) : undefined;
}

/** Measures two checkouts in turns and compares them. */
export async function gateCheckouts(
  request: GateRequest,
  baseline: Checkout,
  candidate: Checkout,
): Promise<Gated> {
  const { selection, limits } = request;
  const list = (checkout: Checkout, flags: readonly string[]) =>
    listIn(checkout, ["--profile", "gate", ...flags], request);
  const asked = await list(candidate, selection.flags);
  if (asked.length === 0) throw new IncomparableError(`${candidate.name} lists no cells: nothing to compare`);
  // The baseline may lack what the flags name; it has no such cells then.
  const isOfCells = selection.flags.includes("--cell");
  const flags = isOfCells ? selection.flags : [...workloadFlags(asked), ...hostFlags(selection.flags)];
  const has = new Set(await list(baseline, flags));
  const cells = asked.filter((cell) => has.has(cell));
  if (cells.length === 0) {
    throw new IncomparableError(
      `${baseline.name} has none of ${plural(asked.length, "cell")} that were asked for: nothing to compare; choose another selection or a later baseline`,
    );
  }
  const passes = await measureGate({ ...request, baseline, candidate, cells });
  const comparison = gateComparison(passes, cells, limits, namesOf(baseline, candidate));
  const absent = [
    ...asked.filter((cell) => !has.has(cell)).map((cell) => oneSided(cell, "only the candidate has it")),
    ...droppedCells(asked, has, selection.flags).map((cell) => oneSided(cell, "only the baseline has it")),
  ];
  return {
    comparison: {
      ...comparison,
      baseline: { ...comparison.baseline, lockfile: hashLockfile(baseline) },
      candidate: { ...comparison.candidate, lockfile: hashLockfile(candidate) },
      notCompared: [...comparison.notCompared, ...absent],
    },
    baseline: mergedSide(passes, "baseline"),
    candidate: mergedSide(passes, "candidate"),
  };
}

const oneSided = (key: string, reason: string): NotCompared => ({
  ...cellId(key),
  kind: "one-sided",
  reason,
});

/** Cells that the baseline lists and the candidate does not, although the selection includes them. */
const droppedCells = (
  asked: readonly string[],
  has: ReadonlySet<string>,
  flags: readonly string[],
): string[] => {
  const chosen = flags.some((flag) =>
    ["--backend", "--cell", "--host", "--method", "--dtype"].includes(flag),
  );
  return chosen ? [] : [...has].filter((cell) => !asked.includes(cell));
};

/** First digits of the SHA-256 of a checkout's lockfile; undefined if it has none. */
function hashLockfile({ folder }: Checkout): string | undefined {
  const file = join(folder, "pnpm-lock.yaml");
  if (!existsSync(file)) return undefined;
  return createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 12);
}

const namesOf = (baseline: Checkout, candidate: Checkout): Names => ({
  baseline: baseline.name,
  candidate: candidate.name,
});

/** The flag that says where backends run, out of all flags. */
const hostFlags = (flags: readonly string[]): readonly string[] =>
  flags.includes("--host") ? flags.slice(flags.indexOf("--host")).slice(0, 2) : [];

const workloadFlags = (cells: readonly string[]): string[] => [
  "--workload",
  [...new Set(cells.map((cell) => cell.split(" ").at(-1)))].join(","),
];

/** The cells of the file, measured one after the other, as in the file, and possibly elsewhere. */
async function againstFile(
  request: GateRequest,
  { results }: LocatedResults,
  candidate: Checkout,
): Promise<Gated> {
  const { baseline: name, selection, limits, say } = request;
  const profile = findProfile(name, results);
  const why = results.run.commit ? `commit ${results.run.commit} is not here` : "it names no commit";
  say(`only the file of ${name} can be compared with, since ${why}: that is far weaker than measuring both`);
  const cells = await listIn(candidate, ["--profile", profile, ...selection.flags], request);
  const measured = await measureIn(candidate, {
    ...request,
    profile,
    cells,
    seed: results.run.seed ?? request.seed,
  });
  const present = new Set(measured.cells.map(cellKey));
  const selected = { ...results, cells: results.cells.filter((cell) => present.has(cellKey(cell))) };
  const comparison = compare(selected, measured, limits, { baseline: name, candidate: candidate.name });
  const lost = cells
    .filter((cell) => !present.has(cell))
    .map(
      (cell) => ({ ...cellId(cell), kind: "broken", reason: "the candidate did not measure it" }) as const,
    );
  return {
    comparison: {
      ...comparison,
      judges: true,
      candidate: { ...comparison.candidate, lockfile: hashLockfile(candidate) },
      notCompared: [...comparison.notCompared, ...lost],
    },
    baseline: selected,
    candidate: measured,
  };
}

/** @throws UsageError if the file is of a kind of run that no longer exists */
function findProfile(name: string, { run }: Results): Profile["id"] {
  const known = Object.keys(PROFILES) as Profile["id"][];
  const profile = known.find((id) => id === run.profile);
  if (profile) return profile;
  throw new UsageError(
    `${name} is of the profile ${JSON.stringify(run.profile)}, and this checkout has ${known.join(", ")}; choose another baseline`,
  );
}
