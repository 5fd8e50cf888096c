import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cellKey, IN_CLONE, parsePlace, plural, type Results } from "@softmax-bench/core";
import {
  type Comparison,
  cellId,
  compare,
  errorsOnly,
  gateComparison,
  isCurve,
  type Limits,
  mergedSide,
  type Names,
  type NotCompared,
  withInstructions,
} from "@softmax-bench/regression";
import { cleanCommit, resolveCommit } from "../fs/repository.js";
import { kindOfHost, THIS_NODE } from "../plan/host-requests.js";
import { PROFILES, type Profile } from "../plan/profiles.js";
import { isReference } from "../plan/references.js";
import {
  findResults,
  hasCells,
  type LocatedResults,
  needResults,
  toCompare,
} from "../results/find-results.js";
import { IncomparableError, UsageError } from "../terminal/errors.js";
import { BusyWatch } from "./busy-watch.js";
import {
  type Checkout,
  listIn,
  measureIn,
  type PassOptions,
  provisionIn,
  temporaryFolder,
  UnknownProfileError,
} from "./checkout.js";
import { findLockfile } from "./dependencies.js";
import { describeExpectedTime } from "./expected-time.js";
import {
  COUNTED_BACKENDS,
  COUNTED_WORKLOADS,
  type Counted,
  type CountedProcess,
  compareInstructions,
  explainUncounted,
} from "./instructions.js";
import { type DigestProfile, ERROR_PROFILE, type GateRun, measureGate } from "./measure.js";
import {
  candidateCheckout,
  isOwnCell,
  type OwnCheckout,
  prepareOwnCheckout,
  requireConfig,
} from "./own-repository.js";
import { prepareCheckout } from "./revision.js";
import type { TimeBudget } from "./time-budget.js";

/** A choice of cells. */
interface GateSelection {
  /** Flags of `pnpm bench`. */
  readonly flags: readonly string[];
  /** Named backends; the gate does not pass without them. */
  readonly named: readonly string[];
  /** True if the user chose no cells: in their own repository, those of their own methods are compared. */
  readonly isDefault: boolean;
}

export interface GateRequest
  extends Omit<PassOptions, "profile" | "cells">,
    Pick<GateRun, "only" | "blockFactor"> {
  /** A baseline, run, file or git revision. */
  readonly baseline: string;
  readonly selection: GateSelection;
  readonly limits: Limits;
  /** Only times, or only errors; undefined for both. */
  readonly only?: "times" | "errors" | undefined;
  /** True to count instructions, too. */
  readonly instructions?: boolean;
  /** Folder with baselines and runs. */
  readonly out: string;
  /** The time for everything. */
  readonly budget: TimeBudget;
  /** A shell command that makes the baseline of a user's own repository ready. */
  readonly prepare: string | undefined;
  /** Says whether the native parts that backends lack may be brought: those of some backends; default: of all. */
  readonly mayProvision: (backends?: readonly string[]) => Promise<boolean>;
  readonly say: (line: string) => void;
}

export interface Gated {
  readonly comparison: Comparison;
  readonly baseline: Results;
  readonly candidate: Results;
  /** Everything that was counted, if instructions were. */
  readonly counted?: readonly CountedProcess[];
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
  if (!commit && request.instructions) {
    throw new UsageError(
      `--instructions counts those of both revisions, and only a file of ${name} is here; leave out --instructions`,
    );
  }
  const candidate = await candidateCheckout(CANDIDATE);
  if (isOwn(candidate)) {
    if (request.selection.isDefault) requireConfig(candidate);
  } else {
    if (request.prepare !== undefined) {
      throw new UsageError(
        "--prepare is for a repository of your own; a clone is installed and built by pnpm",
      );
    }
    if (await request.mayProvision()) await provisionIn(candidate, request);
  }
  if (!commit)
    return againstFile(request, found ?? (await needResults(name, request.out, hasCells)), candidate);
  const asked = await askedCells(candidate, digestProfile(request), request);
  if (request.only !== "errors") say(describeExpectedTime(asked));
  if (commit === (await cleanCommit())) {
    say(`${name} is this very commit: a null comparison, of what must not differ`);
    return gateCheckouts(request, { ...candidate, name }, candidate, asked);
  }
  using scratch = temporaryFolder();
  const baseline = isOwn(candidate)
    ? await prepareOwnCheckout(name, commit, candidate, { ...request, scratch: scratch.folder })
    : await prepareCheckout(name, commit, request);
  const gated = await gateCheckouts(request, baseline, candidate, asked);
  checkCommit(gated.baseline, baseline, commit);
  return gated;
}

const isOwn = (checkout: Checkout | OwnCheckout): checkout is OwnCheckout => "root" in checkout;

/** @throws UsageError if a side's recorded commit is not the one it was built from */
export function checkCommit({ run }: Results, { name, folder }: Checkout, commit: string): void {
  if (run.commit === null || run.commit.replace(/-dirty$/, "") === commit) return;
  throw new UsageError(
    `${name} was built from commit ${commit}, and what ran says it is ${run.commit}; delete ${folder} to have it built again`,
  );
}

/** The comparison in which the cells of a named backend are broken if a side lacks that backend. */
function withNamed({ comparison, baseline, candidate }: Gated, { selection, say }: GateRequest): Comparison {
  // By default, all of a user's own methods are asked for.
  const isAsked = (cell: NotCompared) => selection.isDefault && !IN_CLONE && isOwnCell(cellKey(cell));
  const isNamed = (id: string) =>
    selection.named.includes(id) ||
    comparison.notCompared.some((cell) => cell.backend === id && isAsked(cell));
  const lost = new Set<string>();
  for (const { backends } of [candidate, baseline]) {
    for (const { id, status, reason, remedy } of backends) {
      if (status === "available" || lost.has(id) || !isNamed(id)) continue;
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

/** The profile by which gradients are found that are not the same. */
const digestProfile = ({ only }: Pick<GateRequest, "only">): DigestProfile =>
  only === "errors" ? "digests" : "gate";

/** Measures two checkouts in turns, and compares the cells that were asked for. */
export async function gateCheckouts(
  request: GateRequest,
  baseline: Checkout,
  candidate: Checkout,
  asked: readonly string[],
): Promise<Gated> {
  const { selection, limits, say } = request;
  const lacking = isOwn(candidate) ? backendsOf(asked) : [];
  if (lacking.length > 0 && (await request.mayProvision(lacking)))
    await provisionIn(candidate, request, lacking);
  let profile = digestProfile(request);
  // The baseline may lack what the flags name; it has no such cells then.
  const ofBaseline = (known: DigestProfile) => {
    const cells = known === "gate" ? asked.filter((cell) => !isCurve(cellId(cell))) : asked;
    const flags = [
      ...methodFlags(cells, isOwn(baseline)),
      ...workloadFlags(cells),
      ...hostFlags(selection.flags),
    ];
    return listIn(baseline, ["--profile", known, ...flags], request);
  };
  const listed = await ofBaseline(profile).catch((error: unknown) => {
    if (!(error instanceof UnknownProfileError)) throw error;
    say(`${error.message}: times are taken of it, too, which takes minutes; its sweeps are not compared`);
    profile = "gate";
    return ofBaseline(profile);
  });
  const has = new Set(listed);
  const cells = asked.filter((cell) => has.has(cell));
  if (cells.length === 0) {
    throw new IncomparableError(
      `${baseline.name} has none of ${plural(asked.length, "cell")} that were asked for: nothing to compare; choose another selection or a later baseline`,
    );
  }
  const counted = request.instructions ? await countSides(request, baseline, candidate) : undefined;
  // A browser's own work would seem to be that of other programs: its time is lost when its processes end.
  const watch = cells.some(isInBrowser) ? undefined : new BusyWatch();
  const passes = await measureGate({
    ...request,
    baseline,
    candidate,
    cells,
    digestProfile: profile,
    ...(watch ? { watch } : {}),
  });
  const measured = gateComparison(passes, cells, limits, namesOf(baseline, candidate), {
    busy: watch?.reason,
    omitted: request.budget.omitted,
  });
  const comparison = counted ? addCounts(measured, counted) : measured;
  const absent = [
    ...asked.filter((cell) => !has.has(cell)).map((cell) => oneSided(cell, "only the candidate has it")),
    ...droppedCells(asked, has, selection, isOwn(baseline)).map((cell) =>
      oneSided(cell, "only the baseline has it"),
    ),
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
    ...(counted ? { counted: counted.processes } : {}),
  };
}

/** Counts the instructions of the selection's cells that both sides have. */
async function countSides(request: GateRequest, baseline: Checkout, candidate: Checkout): Promise<Counted> {
  const list = (checkout: Checkout, flags: readonly string[]) =>
    listIn(checkout, ["--profile", "gate", ...flags], request);
  const flags = countedFlags(request.selection.flags);
  const asked = flags ? await list(candidate, flags) : [];
  if (asked.length === 0) {
    const note = `No instructions were counted: only those of ${COUNTED_BACKENDS.join(", ")} are.`;
    return { cells: [], notCompared: [], notes: [note], processes: [] };
  }
  const has = new Set(await list(baseline, workloadFlags(asked)));
  const cells = asked.filter((cell) => has.has(cell));
  const counted = await compareInstructions({ ...request, baseline, candidate, cells });
  const absent = asked
    .filter((cell) => !has.has(cell))
    .map((cell) => oneSided(cell, "only the candidate has it"));
  return { ...counted, notCompared: [...counted.notCompared, ...absent] };
}

/** The flags with those of its backends that are counted, on workloads for that unless it names some; undefined if none is. */
function countedFlags(flags: readonly string[]): string[] | undefined {
  const flagValue = (flag: string) => (flags.includes(flag) ? flags[flags.indexOf(flag) + 1] : undefined);
  const named = flagValue("--backend")?.split(",");
  const backends = COUNTED_BACKENDS.filter((id) => !named || named.includes(id) || named.includes("all"));
  if (backends.length === 0) return undefined;
  const kept = ["--method", "--dtype"].flatMap((flag) => {
    const value = flagValue(flag);
    return value === undefined ? [] : [flag, value];
  });
  const workloads = flagValue("--workload") ?? COUNTED_WORKLOADS.join(",");
  return ["--backend", backends.join(","), "--workload", workloads, ...kept];
}

/** The comparison with counts beside its times. */
function addCounts(comparison: Comparison, { cells, notCompared, notes }: Counted): Comparison {
  const together = withInstructions(comparison, cells);
  const backends = [...new Set(comparison.cells.map(({ backend }) => backend))];
  const known = new Set([...together.cells, ...together.notCompared].map(cellKey));
  return {
    ...together,
    notes: [...together.notes, ...notes, ...explainUncounted(backends, comparison.candidate.environment)],
    notCompared: [...together.notCompared, ...notCompared.filter((cell) => !known.has(cellKey(cell)))],
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
  { isDefault, flags, named }: GateSelection,
  isOwn: boolean,
): string[] => {
  if (isOwn && !isDefault) return [];
  if (flags.some((flag) => ["--cell", "--host", "--method", "--dtype"].includes(flag))) return [];
  const isSelected = (cell: string) =>
    isOwn ? isOwnCell(cell) : named.length === 0 || named.includes(backendsOf([cell])[0] ?? "");
  return [...has].filter((cell) => !asked.includes(cell) && isSelected(cell));
};

/**
 * The cells that a checkout is asked for. In a user's own repository these are, by default, those of their own methods
 * and backends; all that the config selects if it has none of its own.
 * @throws IncomparableError if there are none
 */
export async function askedCells(
  checkout: Checkout,
  profile: Profile["id"],
  request: GateRequest,
): Promise<readonly string[]> {
  const { isDefault, flags } = request.selection;
  const listed = await listIn(checkout, ["--profile", profile, ...flags], request);
  if (listed.length === 0) throw new IncomparableError(`${checkout.name} lists no cells: nothing to compare`);
  const own = isOwn(checkout) && isDefault ? listed.filter(isOwnCell) : [];
  return own.length > 0 ? own : listed;
}

/** First digits of the SHA-256 of a checkout's lockfile; undefined if it has none. */
function hashLockfile(checkout: Checkout | OwnCheckout): string | undefined {
  const file = isOwn(checkout) ? findLockfile(checkout) : join(checkout.folder, "pnpm-lock.yaml");
  if (!file || !existsSync(file)) return undefined;
  return createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 12);
}

const isInBrowser = (cell: string): boolean => {
  const [name = ""] = cell.split(" ", 1);
  return kindOfHost(parsePlace(name).host ?? THIS_NODE) === "browser";
};

const namesOf = (baseline: Checkout, candidate: Checkout): Names => ({
  baseline: baseline.name,
  candidate: candidate.name,
});

/** The flag that says where backends run, out of all flags. */
const hostFlags = (flags: readonly string[]): readonly string[] =>
  flags.includes("--host") ? flags.slice(flags.indexOf("--host")).slice(0, 2) : [];

const workloadFlags = (cells: readonly string[]): string[] => ["--workload", distinctParts(cells, -1)];
const dtypeFlags = (cells: readonly string[]): string[] => ["--dtype", distinctParts(cells, 2)];

/** Flags that list all methods of the cells' backends on their dtypes. @param hasConfig true if a config may select others */
function methodFlags(cells: readonly string[], hasConfig: boolean): string[] {
  const references = backendsOf(cells).filter(isReference);
  return [
    ...(hasConfig ? ["--method", "all"] : []),
    ...(hasConfig || references.length > 0 ? ["--backend", ["all", ...references].join(",")] : []),
    ...dtypeFlags(cells),
  ];
}

const distinctParts = (cells: readonly string[], index: number): string =>
  [...new Set(cells.map((cell) => cell.split(" ").at(index)))].join(",");

const backendsOf = (cells: readonly string[]): string[] => [
  ...new Set(cells.map((cell) => cell.split(/[ @]/, 1)[0] ?? "")),
];

/** The cells of the file, measured one after the other, as in the file, and possibly elsewhere. */
async function againstFile(
  request: GateRequest,
  { results }: LocatedResults,
  candidate: Checkout,
): Promise<Gated> {
  const { baseline: name, limits, only, say } = request;
  const profile = only === "errors" ? ERROR_PROFILE : findProfile(name, results);
  const why = results.run.commit ? `commit ${results.run.commit} is not here` : "it names no commit";
  say(`only the file of ${name} can be compared with, since ${why}: that is far weaker than measuring both`);
  const cells = await askedCells(candidate, profile, request);
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
      ...(only === "errors" ? errorsOnly(comparison) : comparison),
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
