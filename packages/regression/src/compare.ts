import {
  busyMachine,
  type Cell,
  cellKey,
  namePlaces,
  type Results,
  resolutionLookup,
} from "@softmax-bench/core";
import {
  type CellComparison,
  type CellId,
  type Comparison,
  type NotCompared,
  worstVerdict,
} from "./comparison.js";
import { compareErrors, compareOnOtherInputs, type ErrorComparison, type Gradients } from "./error.js";
import { findCauses, findDifferences } from "./fingerprint.js";
import type { Limits } from "./limits.js";
import type { TimeComparison } from "./time.js";
import { compareTimings } from "./unpaired.js";

/** The names of the compared sides, as given by the user. */
export interface Names {
  readonly baseline: string;
  readonly candidate: string;
}

/** Compares two results files that were measured one after the other. */
export function compare(before: Results, after: Results, limits: Limits, names: Names): Comparison {
  const [baseline, candidate] = [namePlaces(before), namePlaces(after)];
  const { machine, software } = findDifferences(baseline, candidate);
  const [resolutionBefore, resolutionAfter] = [resolutionLookup(baseline), resolutionLookup(candidate)];
  const [seedBefore, seedAfter] = [baseline.run.seed, candidate.run.seed];
  const haveOtherInputs = seedBefore !== undefined && seedAfter !== undefined && seedBefore !== seedAfter;
  const known = new Map(baseline.cells.map((cell) => [cellKey(cell), cell]));
  const pairs = candidate.cells.map((cell) => [known.get(cellKey(cell)), cell] as const);
  const present = new Set(candidate.cells.map(cellKey));
  const comparable = pairs.flatMap(([a, b]) =>
    a?.status === "ok" && b.status === "ok" ? [[a, b] as const] : [],
  );
  return {
    ...toSides(baseline, candidate, limits, names),
    judges: false,
    inTurns: false,
    warnings: [[names.baseline, baseline] as const, [names.candidate, candidate] as const].flatMap(
      ([name, results]) => {
        const busy = busyMachine(results);
        return busy ? [`${name}: ${busy}`] : [];
      },
    ),
    notes: [
      ...(machine.length
        ? [`Times are not compared, since the machines differ: ${machine.join("; ")}.`]
        : [
            "The two runs did not take turns. Intervals contain what processes of each run differ by and what runs drift by; the command gate measures both in turns and judges, this does not.",
          ]),
      ...(haveOtherInputs
        ? [
            `Errors are not compared, since the inputs differ: they are drawn from seed ${seedBefore} and from seed ${seedAfter}; only their analytic bounds are checked.`,
          ]
        : []),
      ...(software.length ? [`What else differs: ${software.join("; ")}.`] : []),
    ],
    cells: comparable.map(([a, b]) => {
      const [from, to] = [a.timing?.gradient, b.timing?.gradient];
      const time =
        machine.length || !from || !to
          ? undefined
          : compareTimings(
              { timing: from, resolution: resolutionBefore(a, "gradient", from) },
              { timing: to, resolution: resolutionAfter(b, "gradient", to) },
              limits,
            );
      const gradients = [collectGradients([a]), collectGradients([b])] as const;
      const error = haveOtherInputs
        ? compareOnOtherInputs(...gradients)
        : compareErrors(b.dtype, ...gradients, limits);
      return combineVerdicts(b, { time, error }, findCauses(baseline, candidate, b.backend));
    }),
    notCompared: [
      ...pairs.flatMap(([a, b]) => toNotCompared(b, a, b)),
      ...baseline.cells
        .filter((cell) => !present.has(cellKey(cell)))
        .flatMap((cell) => toNotCompared(cell, cell, undefined)),
    ],
  };
}

export const toSides = (baseline: Results, candidate: Results, limits: Limits, names: Names) => ({
  baseline: { name: names.baseline, commit: baseline.run.commit, environment: baseline.environment },
  candidate: { name: names.candidate, commit: candidate.run.commit, environment: candidate.environment },
  limits,
});

interface Parts {
  readonly time: TimeComparison | undefined;
  readonly error: ErrorComparison | undefined;
}

/** Combines the verdicts on a cell. */
export function combineVerdicts(id: CellId, parts: Parts, causes: readonly string[]): CellComparison {
  const { backend, method, dtype, workload } = id;
  const { time, error } = parts;
  const verdict = worstVerdict(time, error);
  return {
    backend,
    method,
    dtype,
    workload,
    verdict,
    ...(time ? { time } : {}),
    ...(error ? { error } : {}),
    causes: verdict === "pass" ? [] : causes,
  };
}

export const collectGradients = (cells: readonly Cell[]): Gradients => ({
  digests: cells.flatMap(({ gradientDigest }) => gradientDigest ?? []),
  accuracies: cells.flatMap(({ accuracy }) => accuracy ?? []),
});

/** The reason why a cell has no verdict; undefined if both sides have it. */
export function toNotCompared(id: Cell, a: Cell | undefined, b: Cell | undefined): NotCompared[] {
  const { backend, method, dtype, workload } = id;
  const because = (kind: NotCompared["kind"], reason: string) => [
    { backend, method, dtype, workload, kind, reason },
  ];
  if (a?.status === "ok" && b?.status === "ok") return [];
  const broken = b && ["failed", "crashed", "timeout"].includes(b.status);
  if (broken) return because("broken", `candidate ${b.status}: ${b.reason}`);
  if (a?.status === "ok" && b)
    return because("broken", `the baseline has it; candidate ${b.status}: ${b.reason}`);
  if (b?.status === "ok" && a && a.status !== "unsupported")
    return because("broken", `baseline ${a.status}: ${a.reason}`);
  if (!a) return because("one-sided", "only the candidate has it");
  if (!b) return because("one-sided", "only the baseline has it");
  if (b.status === "ok") return because("one-sided", `baseline ${a.status}: ${a.reason}`);
  return because("nowhere", b.reason ?? b.status);
}
