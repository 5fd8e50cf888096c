import { cellKey, IN_CLONE, parsePlace, placeName, plural, type Results } from "@softmax-bench/core";
import {
  type Comparison,
  cellId,
  gateComparison,
  isCurve,
  mergedSide,
  type Names,
  type NotCompared,
} from "@softmax-bench/regression";
import { cleanCommit, resolveCommit } from "../fs/repository.js";
import { findFile, hasCells, type LocatedResults, needResults, toCompare } from "../results/find-results.js";
import { processesAtOnce } from "../run/processes-at-once.js";
import { IncomparableError, UsageError } from "../terminal/errors.js";
import { againstFile } from "./against-file.js";
import { Baseline } from "./baseline.js";
import { prepareCheckout } from "./build-revision.js";
import { explainUnwatched, watchFor } from "./busy-watch.js";
import { type Checkout, CheckoutError, listIn, provisionIn, temporaryFolder } from "./checkout.js";
import { addCounts, countSides, expectedCounts } from "./count-sides.js";
import { describeConditions } from "./digest-conditions.js";
import { expectedGateTime, sayExpectedTime } from "./expected-time.js";
import { KnownDigests } from "./known-digests.js";
import { type DigestProfile, measureGate } from "./measure.js";
import {
  candidateCheckout,
  hashLockfile,
  isOwn,
  isOwnCell,
  prepareOwnCheckout,
  requireConfig,
} from "./own-repository.js";
import type { Gated, GateRequest } from "./request.js";
import {
  type AskedCells,
  askedCells,
  backendsOf,
  baselineFlags,
  digestProfile,
  droppedCells,
  listKnown,
  oneSided,
} from "./selection.js";

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
  const found = await toCompare(async () => findFile(name, request.out, hasCells));
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
  const asked = await candidateCells(candidate, request);
  const counted = request.instructions ? expectedCounts(request.selection.flags, asked.cells) : [];
  const atOnce = processesAtOnce(asked.profile, request.threads);
  sayExpectedTime(expectedGateTime(asked.cells, { only: request.only, counted, atOnce }), request);
  const current = await cleanCommit();
  const openKnown = async (of: string) =>
    request.only === "errors"
      ? KnownDigests.open(await describeConditions(of, candidate, request), say)
      : undefined;
  const known = await openKnown(commit);
  if (commit === current) {
    say(`${name} is this very commit: a null comparison, of what must not differ`);
    const baseline = new Baseline(name, async () => ({ ...candidate, name }), known);
    const gated = await gateCheckouts(request, baseline, candidate, asked);
    if (known && isFreshlyBuilt(candidate)) keepDigests(known, gated, ["baseline", "candidate"]);
    return gated;
  }
  using scratch = temporaryFolder();
  const baseline = new Baseline(
    name,
    () =>
      isOwn(candidate)
        ? prepareOwnCheckout(name, commit, candidate, { ...request, scratch: scratch.folder })
        : prepareCheckout(name, commit, request),
    known,
  );
  const gated = await gateCheckouts(request, baseline, candidate, asked);
  const used = await baseline.used;
  if (used) checkCommit(gated.baseline, used, commit);
  if (known) keepDigests(known, gated, ["baseline"]);
  if (current !== undefined && isFreshlyBuilt(candidate)) {
    const ofCandidate = await openKnown(current);
    // For later gates, so this one's verdict does not depend on it.
    const keep = async (signal: AbortSignal) =>
      ofCandidate && keepCandidate(ofCandidate, gated, candidate, asked.cells, { ...request, signal });
    const { omitted } = request.budget;
    const notes = omitted.length;
    await request.budget.attempt("keeping digests", request.signal, keep);
    for (const note of omitted.slice(notes)) request.say(note);
  }
  return gated;
}

/** Keeps the digests of what was measured, for later gates against the same commit. */
function keepDigests(
  known: KnownDigests,
  { passes = [], comparison }: Gated,
  roles: readonly ("baseline" | "candidate")[],
): void {
  for (const role of roles) {
    known.keep(
      passes.filter((pass) => pass.role === role),
      comparison[role].lockfile,
    );
  }
}

/** Keeps those of the candidate, which a later gate may have as its baseline, and the list of its cells. */
async function keepCandidate(
  known: KnownDigests,
  gated: Gated,
  candidate: Checkout,
  asked: readonly string[],
  request: GateRequest,
): Promise<void> {
  const flags = listFlags("digests", asked, candidate, request);
  if (!known.list(flags)) known.addList(flags, await listIn(candidate, flags, request));
  keepDigests(known, gated, ["candidate"]);
}

/**
 * True if this checkout was certainly built from its files: in CI, and by the script that starts a gate in a clone. Else
 * what was built may be of other files than the commit's.
 */
const isFreshlyBuilt = (candidate: Checkout): boolean =>
  Boolean(process.env.CI) || (!isOwn(candidate) && process.env.npm_lifecycle_event === "gate");

/** @throws CheckoutError if a side's recorded commit is not the one it was built from */
export function checkCommit({ run }: Results, checkout: Checkout, commit: string): void {
  const { name, folder } = checkout;
  if (run.commit === null || run.commit.replace(/-dirty$/, "") === commit) return;
  throw new CheckoutError(
    checkout,
    `${name} was built from commit ${commit}, and what ran says it is ${run.commit}; delete ${folder} to have it built again`,
  );
}

/** The comparison in which the cells of a named backend, on one of its hosts, are broken if a side lacks it there. */
export function withNamed(
  { comparison, baseline, candidate }: Pick<Gated, "comparison" | "baseline" | "candidate">,
  { selection, say }: Pick<GateRequest, "selection" | "say">,
): Comparison {
  // By default, all of a user's own methods are asked for.
  const isAsked = (cell: NotCompared) => selection.isDefault && !IN_CLONE && isOwnCell(cellKey(cell));
  const isNamed = (place: string) =>
    [place, parsePlace(place).backend].some((name) => selection.named.includes(name)) ||
    comparison.notCompared.some((cell) => cell.backend === place && isAsked(cell));
  const lost = new Set<string>();
  for (const { backends } of [candidate, baseline]) {
    for (const { id, host, status, reason, remedy } of backends) {
      const place = placeName({ backend: id, host });
      if (status === "available" || lost.has(place) || !isNamed(place)) continue;
      lost.add(place);
      const side = backends === candidate.backends ? "" : ` in ${comparison.baseline.name}`;
      say(`gate: ${place} is unavailable${side}: ${reason}; ${remedy}`);
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

/** The cells that a candidate is asked for. @throws IncomparableError if there are none */
export const candidateCells = (candidate: Checkout, request: GateRequest): Promise<AskedCells> =>
  listKnown(digestProfile(request), request.say, (profile) => askedCells(candidate, profile, request));

/** The cells that a profile has: `gate` has no sweeps. */
const listableCells = (profile: DigestProfile, asked: readonly string[]): readonly string[] =>
  profile === "gate" ? asked.filter((cell) => !isCurve(cellId(cell))) : asked;

/** Flags that list the baseline's cells, by those that are asked for. */
const listFlags = (
  profile: DigestProfile,
  asked: readonly string[],
  candidate: Checkout,
  { selection }: Pick<GateRequest, "selection">,
): string[] => ["--profile", profile, ...baselineFlags(asked, selection, isOwn(candidate))];

/** Measures two revisions, in turns unless only errors are compared, and compares the cells that were asked for. */
export async function gateCheckouts(
  request: GateRequest,
  baseline: Baseline,
  candidate: Checkout,
  { cells: asked, profile }: AskedCells,
): Promise<Gated> {
  const { selection, limits, say } = request;
  const lacking = isOwn(candidate) ? backendsOf(asked) : [];
  if (lacking.length > 0 && (await request.mayProvision(lacking)))
    await provisionIn(candidate, request, lacking);
  const listed = await listKnown(digestProfile(request), say, async (of) => {
    const listable = listableCells(of, asked);
    return listable.length > 0 ? baseline.list(listFlags(of, listable, candidate, request), request) : [];
  });
  const has = new Set(listed.cells);
  const cells = asked.filter((cell) => has.has(cell));
  if (cells.length === 0) {
    throw new IncomparableError(
      `${baseline.name} has none of ${plural(asked.length, "cell")} that were asked for: nothing to compare; choose another selection or a later baseline`,
    );
  }
  const counted = request.instructions
    ? await countSides(request, asked, await baseline.checkout(), candidate)
    : undefined;
  const watch = watchFor(cells);
  const passes = await measureGate({
    ...request,
    baseline,
    candidate,
    cells,
    digestProfiles: { baseline: listed.profile, candidate: profile },
    watch,
  });
  const absent = [
    ...asked.filter((cell) => !has.has(cell)).map((cell) => oneSided(cell, "only the candidate has it")),
    ...droppedCells(asked, has, selection, isOwn(candidate)).map((cell) =>
      oneSided(cell, "only the baseline has it"),
    ),
  ];
  const compared = gateComparison(passes, cells, limits, namesOf(baseline, candidate), {
    busy: watch.reason,
    omitted: request.budget.omitted,
  });
  const measured = { ...compared, notCompared: [...compared.notCompared, ...absent] };
  const comparison = counted ? addCounts(measured, counted) : measured;
  const { noise } = watch;
  const unwatched = noise ? explainUnwatched(cells, noise) : [];
  const sideOf = (side: "baseline" | "candidate"): Results => {
    const merged = mergedSide(passes, side);
    return noise ? { ...merged, noise } : merged;
  };
  return {
    comparison: {
      ...comparison,
      baseline: { ...comparison.baseline, lockfile: await baseline.lockfile() },
      candidate: { ...comparison.candidate, lockfile: hashLockfile(candidate) },
      notes: [...comparison.notes, ...unwatched],
    },
    baseline: sideOf("baseline"),
    candidate: sideOf("candidate"),
    passes,
    ...(counted ? { counted: counted.processes } : {}),
  };
}

const namesOf = (baseline: Pick<Baseline, "name">, candidate: Checkout): Names => ({
  baseline: baseline.name,
  candidate: candidate.name,
});
