import { cellKey, type Results } from "@softmax-bench/core";
import { cellId, compare, errorsOnly } from "@softmax-bench/regression";
import { PROFILES, type Profile } from "../plan/profiles.js";
import type { LocatedResults } from "../results/find-results.js";
import { UsageError } from "../terminal/errors.js";
import { type Checkout, measureIn } from "./checkout.js";
import { expectedFileTime, sayExpectedTime } from "./expected-time.js";
import { ERROR_PROFILE } from "./measure.js";
import { hashLockfile } from "./own-repository.js";
import type { Gated, GateRequest } from "./request.js";
import { askedCells } from "./selection.js";

/** Compares a checkout with a file: its cells were measured one after the other, and possibly elsewhere. */
export async function againstFile(
  request: GateRequest,
  { results }: LocatedResults,
  candidate: Checkout,
): Promise<Gated> {
  const { baseline: name, limits, only, say } = request;
  const profile = only === "errors" ? ERROR_PROFILE : findProfile(name, results);
  const cells = await askedCells(
    candidate,
    profile,
    only === "errors" ? onWorkloadsOf(results, request) : request,
  );
  sayExpectedTime(expectedFileTime(cells, profile), request);
  const why = results.run.commit ? `commit ${results.run.commit} is not here` : "it names no commit";
  say(`only the file of ${name} can be compared with, since ${why}: that is far weaker than measuring both`);
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

/** The request on the workloads of a file, unless it names some: those of the profile of errors are smaller ones. */
function onWorkloadsOf({ cells }: Results, request: GateRequest): GateRequest {
  const { selection } = request;
  const isNamed = selection.flags.some((flag) => flag === "--workload" || flag === "--cell");
  if (isNamed || cells.length === 0) return request;
  const workloads = [...new Set(cells.map(({ workload }) => workload))].join(",");
  return {
    ...request,
    selection: { ...selection, flags: [...selection.flags, "--workload", workloads] },
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
