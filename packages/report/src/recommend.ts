import { type BackendRecord, type Cell, DTYPE_IDS, type Results } from "@softmax-bench/core";
import { type Constraints, isSoftwareGpu, isUsable, isWithinBound } from "./constraints.js";
import { areCellsTied, bareBackend, hasSettled, type RankedCell, rank } from "./ranking.js";

/** The recommended gradient for one workload and dtype. */
export interface Recommendation {
  /** The fastest in JavaScript that satisfies all constraints and whose times had settled; undefined if none does. */
  readonly best: RankedCell | undefined;
  /** Others that satisfy the same conditions, and whose times are indistinguishable from its own. */
  readonly tied: readonly RankedCell[];
  /** The fastest that satisfies the constraints and is slower by more than the resolution. */
  readonly runnerUp: RankedCell | undefined;
  /** The fastest that satisfies the constraints on another backend, which is more than another host of the same one. */
  readonly nextBackend: RankedCell | undefined;
  /** True if that cell's time is indistinguishable from the best one's. */
  readonly nextIsTied: boolean;
  /** A usable cell with a smaller median that does not qualify: too large an error, or unsettled times. */
  readonly faster: RankedCell | undefined;
  /** The fastest usable cell within the bound whose times had not settled, if its median is smaller than the best one's. */
  readonly unsettled: RankedCell | undefined;
  readonly measured: Measured;
}

/** The cells that a winner can be chosen from. */
export type Measured =
  /** There is a cell on a backend that the reader can use. */
  | "usable"
  /** All contenders are on backends that the reader cannot use. */
  | "excluded"
  /** All cells that could win are hidden by the reader. */
  | "hidden"
  /** No cell is a contender. */
  | "references"
  | "software GPUs"
  | "references and software GPUs"
  | "nothing";

/** The recommendation for a workload and a dtype. */
export interface RecommendedGradient extends Recommendation, Question {}

/** A workload and a dtype for which a gradient is recommended. */
export interface Question {
  /** The workload, and its machine if there are several. */
  readonly workload: string;
  readonly dtype: Cell["dtype"];
}

/** True if a cell has what a winner needs: the reader can use its backend, its error is within the bound and its times had settled. */
export const isEligible = (
  cell: RankedCell,
  constraints: Constraints,
  backend: BackendRecord | undefined,
): boolean =>
  cell.isContender &&
  isUsable(backend, constraints) &&
  isWithinBound(cell, constraints.error) &&
  hasSettled(cell);

/** @param ranked cells of one workload and dtype, fastest first, see `rank` */
export function recommend(
  ranked: readonly RankedCell[],
  constraints: Constraints,
  backends: readonly BackendRecord[],
): Recommendation {
  const records = new Map(backends.map((backend) => [backend.id, backend]));
  const usable = ranked.filter(
    ({ backend, isContender }) => isContender && isUsable(records.get(backend), constraints),
  );
  const [best, ...others] = usable.filter((cell) => isEligible(cell, constraints, records.get(cell.backend)));
  const [fastest] = usable;
  const isTied = (cell: RankedCell): boolean => best !== undefined && areCellsTied(cell, best);
  const nextBackend = others.find((cell) => best && bareBackend(cell) !== bareBackend(best));
  const ahead = best ? usable.slice(0, usable.indexOf(best)) : usable;
  return {
    best,
    tied: others.filter(isTied),
    runnerUp: others.find((cell) => !isTied(cell)),
    nextBackend,
    nextIsTied: nextBackend !== undefined && isTied(nextBackend),
    faster: fastest !== best ? fastest : undefined,
    unsettled: ahead.find((cell) => isWithinBound(cell, constraints.error) && !hasSettled(cell)),
    measured: usable.length > 0 ? "usable" : describeUnusable(ranked, records),
  };
}

function describeUnusable(
  ranked: readonly RankedCell[],
  records: ReadonlyMap<string, BackendRecord>,
): Exclude<Measured, "usable" | "hidden"> {
  if (ranked.length === 0) return "nothing";
  if (ranked.some(({ isContender }) => isContender)) return "excluded";
  const inSoftware = ranked.filter(({ backend }) => isSoftwareGpu(records.get(backend)));
  if (inSoftware.length === 0) return "references";
  return inSoftware.length === ranked.length ? "software GPUs" : "references and software GPUs";
}

/** The cells of one workload and dtype, fastest first in what is to be fast. */
export const rankedCells = (
  results: Pick<Results, "cells" | "backends" | "resolution">,
  workload: string,
  dtype: RankedCell["dtype"],
  { phase }: Pick<Constraints, "phase">,
): RankedCell[] =>
  rank(
    results.cells.filter((cell) => cell.workload === workload && cell.dtype === dtype),
    results,
    phase,
  );

/** Ids in the order of the run's workloads; files without that list give them in the order of their cells. */
export function workloadIds({ workloads = [], cells, distances }: Results): string[] {
  return [
    ...new Set([...workloads.map(({ id }) => id), ...[...cells, ...distances].map((of) => of.workload)]),
  ];
}

/** The workloads and dtypes of which a run has cells. */
export function collectQuestions(results: Results): Question[] {
  const asked = new Set(results.cells.map((cell) => questionKey(cell)));
  return workloadIds(results)
    .flatMap((workload) => DTYPE_IDS.map((dtype) => ({ workload, dtype })))
    .filter((question) => asked.has(questionKey(question)));
}

/**
 * The recommendation on each question.
 *
 * @param shown the results that the reader sees
 * @param all the same results with what the reader hides
 */
export function recommendEach(
  questions: readonly Question[],
  shown: Results,
  constraints: Constraints,
  all = shown,
): RecommendedGradient[] {
  const recommendations = recommendIn(questions, shown, constraints);
  if (all === shown) return recommendations;
  const unfiltered = recommendIn(questions, all, constraints);
  return recommendations.map((one, index) => ({
    ...one,
    measured: withHidden(one.measured, unfiltered[index]?.measured ?? "nothing"),
  }));
}

function recommendIn(
  questions: readonly Question[],
  results: Results,
  constraints: Constraints,
): RecommendedGradient[] {
  const groups = new Map<string, Cell[]>(questions.map((question) => [questionKey(question), []]));
  for (const cell of results.cells) groups.get(questionKey(cell))?.push(cell);
  return questions.map(({ workload, dtype }) => {
    const cells = groups.get(questionKey({ workload, dtype })) ?? [];
    const ranked = rank(cells, results, constraints.phase);
    return { workload, dtype, ...recommend(ranked, constraints, results.backends) };
  });
}

/** @param shown the cells that the reader sees @param all the cells of the run */
function withHidden(shown: Measured, all: Measured): Measured {
  if (shown === all) return shown;
  return shown === "nothing" || all === "usable" ? "hidden" : all;
}

const questionKey = ({ workload, dtype }: Question): string => JSON.stringify([workload, dtype]);
