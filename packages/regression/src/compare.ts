import {
  busyMachine,
  type Cell,
  cellKey,
  machineId,
  namePlaces,
  plural,
  type Results,
  resolutionLookup,
  resultsOfMachine,
} from "@softmax-bench/core";
import {
  type CellComparison,
  type CellId,
  type Comparison,
  type NotCompared,
  worstVerdict,
} from "./comparison.js";
import { compareErrors, compareOnOtherInputs, type ErrorComparison, type Gradients } from "./error.js";
import { type Differences, findCauses, findDifferences } from "./fingerprint.js";
import type { Limits } from "./limits.js";
import type { TimeComparison } from "./time.js";
import { compareTimings } from "./unpaired.js";

/** The names of the compared sides, as given by the user. */
export interface Names {
  readonly baseline: string;
  readonly candidate: string;
}

const NOT_IN_TURNS =
  "The two runs did not take turns. Intervals contain what processes of each run differ by and what runs drift by; the command gate measures both in turns and judges, this does not.";

/** Compares two results files that were measured one after the other, those of several machines machine by machine. */
export function compare(before: Results, after: Results, limits: Limits, names: Names): Comparison {
  const [baseline, candidate] = [namePlaces(before), namePlaces(after)];
  const [seedBefore, seedAfter] = [baseline.run.seed, candidate.run.seed];
  const haveOtherInputs = seedBefore !== undefined && seedAfter !== undefined && seedBefore !== seedAfter;
  const { pairs, unpaired } = pairMachines(baseline, candidate);
  const compared = pairs.map((pair) => ({ ...pair, ...compareOnMachine(pair, limits, haveOtherInputs) }));
  const on = (label: string | undefined) => (label === undefined ? "" : ` on ${label}`);
  return {
    ...toSides(baseline, candidate, limits, names),
    judges: false,
    inTurns: false,
    warnings: [[names.baseline, baseline] as const, [names.candidate, candidate] as const].flatMap(
      ([name, results]) => {
        const busy = busyMachine(results);
        const unfinished = results.cells.filter((cell) => cell.unfinished).length;
        return [
          ...(busy ? [`${name}: ${busy}`] : []),
          ...(unfinished > 0
            ? [
                `${name} was interrupted: ${plural(unfinished, "cell")} of it ${unfinished === 1 ? "lacks" : "lack"} processes.`,
              ]
            : []),
        ];
      },
    ),
    notes: [
      ...pairs.flatMap(({ label, after: { environment } }) =>
        label === undefined ? [] : [`${label}: ${machineId(environment)}.`],
      ),
      ...unpaired.map((id) => `Not compared: cells of the baseline on ${id}.`),
      ...compared.flatMap(({ label, machine }) =>
        machine.length > 0
          ? [`Times${on(label)} are not compared, since the machines differ: ${machine.join("; ")}.`]
          : [],
      ),
      ...(compared.some(({ machine }) => machine.length === 0) ? [NOT_IN_TURNS] : []),
      ...(haveOtherInputs
        ? [
            `Errors are not compared, since the inputs differ: they are drawn from seed ${seedBefore} and from seed ${seedAfter}; only their analytic bounds are checked.`,
          ]
        : []),
      ...compared.flatMap(({ label, software }) =>
        software.length > 0 ? [`What else differs${on(label)}: ${software.join("; ")}.`] : [],
      ),
    ],
    cells: compared.flatMap(({ cells, label }) => cells.map((cell) => nameMachine(cell, label))),
    notCompared: compared.flatMap(({ notCompared, label }) =>
      notCompared.map((cell) => nameMachine(cell, label)),
    ),
  };
}

/** The results of both sides on one machine, or on two of which one is compared with the other in errors alone. */
interface MachinePair {
  readonly before: Results;
  readonly after: Results;
  /** `machine 2`, where the candidate has several. */
  readonly label: string | undefined;
}

/**
 * Pairs each of the candidate's machines with the same one of the baseline, or else with one whose times compare, or else with one
 * that is left.
 */
function pairMachines(
  baseline: Results,
  candidate: Results,
): { readonly pairs: readonly MachinePair[]; readonly unpaired: readonly string[] } {
  const [known, asked] = [splitMachines(baseline), splitMachines(candidate)];
  const left = new Set(known);
  const paired = new Map<Results, Results>();
  const rules: ((before: Results, after: Results) => boolean)[] = [
    (before, after) => machineId(before.environment) === machineId(after.environment),
    (before, after) => findDifferences(before, after).machine.length === 0,
    () => true,
  ];
  for (const rule of rules) {
    for (const after of asked.filter((one) => !paired.has(one))) {
      const before = [...left].find((one) => rule(one, after));
      if (!before) continue;
      paired.set(after, before);
      left.delete(before);
    }
  }
  return {
    pairs: asked.map((after, index) => ({
      before: paired.get(after) ?? (known[0] as Results),
      after,
      label: asked.length > 1 ? `machine ${index + 1}` : undefined,
    })),
    unpaired: [...left].map(({ environment }) => machineId(environment)),
  };
}

const splitMachines = (results: Results): readonly Results[] =>
  results.machines?.length ? results.machines.map((each) => resultsOfMachine(results, each)) : [results];

/** Tells the cells of several machines apart, as if each machine had backends of its own. */
const nameMachine = <T extends CellId>(cell: T, label: string | undefined): T =>
  label === undefined ? cell : { ...cell, backend: `${cell.backend} (${label})` };

function compareOnMachine(
  { before: baseline, after: candidate }: MachinePair,
  limits: Limits,
  haveOtherInputs: boolean,
): Differences & Pick<Comparison, "cells" | "notCompared"> {
  const { machine, software } = findDifferences(baseline, candidate);
  const [resolutionBefore, resolutionAfter] = [resolutionLookup(baseline), resolutionLookup(candidate)];
  const known = new Map(baseline.cells.map((cell) => [cellKey(cell), cell]));
  const pairs = candidate.cells.map((cell) => [known.get(cellKey(cell)), cell] as const);
  const present = new Set(candidate.cells.map(cellKey));
  const comparable = pairs.flatMap(([a, b]) =>
    a?.status === "ok" && b.status === "ok" ? [[a, b] as const] : [],
  );
  return {
    machine,
    software,
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
  const broken = (brokenIn: "baseline" | "candidate", reason: string) => [
    { backend, method, dtype, workload, kind: "broken", brokenIn, reason } as const,
  ];
  if (a?.status === "ok" && b?.status === "ok") return [];
  if (b && ["failed", "crashed", "timeout"].includes(b.status))
    return broken("candidate", `candidate ${b.status}: ${b.reason}`);
  if (a?.status === "ok" && b)
    return broken("candidate", `the baseline has it; candidate ${b.status}: ${b.reason}`);
  if (b?.status === "ok" && a && a.status !== "unsupported")
    return broken("baseline", `baseline ${a.status}: ${a.reason}`);
  if (!a) return because("one-sided", "only the candidate has it");
  if (!b) return because("one-sided", "only the baseline has it");
  if (b.status === "ok") return because("one-sided", `baseline ${a.status}: ${a.reason}`);
  return because("nowhere", b.reason ?? b.status);
}
