import {
  type Accuracy,
  type BackendRecord,
  type Cell,
  type Phase,
  parsePlace,
  type Results,
  resolutionLookup,
  type Steadiness,
  type Timing,
} from "@softmax-bench/core";
import { areTied, jointResolution, rankWithTies } from "@softmax-bench/stats";

type GradientError = Accuracy["gradient"];

/** The phases for ranking cells: the time of the gradient, without or with moving it. */
export type RankedPhase = Extract<Phase, "gradient" | "roundtrip">;

/** A measured cell among the others of its workload and dtype. */
export interface RankedCell {
  readonly backend: string;
  readonly method: string;
  readonly dtype: Cell["dtype"];
  readonly timing: Timing;
  readonly error: GradientError;
  /** The possible difference between times of identical code, as a ratio minus 1. */
  readonly resolution: number;
  /** It can be the fastest: it was measured in JavaScript, and not on a GPU in software. */
  readonly isContender: boolean;
  /**
   * Of the time, from 1; cells that cannot be told apart share the rank of the fastest of them. Only contenders have one,
   * and where any of them has settled, only those that have.
   */
  readonly rank: number | undefined;
  /** Median over that of the fastest cell with a rank, of the same workload and dtype. */
  readonly ratio: number;
  /** It shares the first rank with a faster one: the order of the two is not significant. */
  readonly tied: boolean;
}

/** True if a cell has everything that a row of the table needs; only such a cell is ranked. */
export const isMeasured = (cell: Cell, phase: RankedPhase = "gradient"): boolean =>
  toMeasurements(cell, phase).length > 0;

const toMeasurements = (cell: Cell, phase: RankedPhase) => {
  const { backend, method, dtype, workload, machine, status, timing, accuracy } = cell;
  const timed = timing?.[phase];
  return status === "ok" && timed && accuracy
    ? [{ backend, method, dtype, workload, machine, timing: timed, error: accuracy.gradient }]
    : [];
};

type WithSteadiness = Pick<Timing, "steadiness">;

/** The steadiness of a comparison of times: settled only if all of them are, or if the file does not say. */
export const jointSteadiness = (timings: readonly WithSteadiness[]): Steadiness =>
  (["unsettled", "untested"] as const).find((state) =>
    timings.some(({ steadiness }) => steadiness === state),
  ) ?? "settled";

/** True if a time may be compared with others of its run: it had stopped changing, or the file does not say. */
export const hasSettled = ({ timing }: { readonly timing: WithSteadiness }): boolean =>
  jointSteadiness([timing]) === "settled";

/** True if a time counts in a series of runs, whose scatter shows its noise: as in a history, untested ones do. */
export const countsInSeries = ({ timing }: { readonly timing: WithSteadiness }): boolean =>
  timing.steadiness !== "unsettled";

/** The backend of a cell, on whatever host it ran. */
export const bareBackend = ({ backend }: Pick<Cell, "backend">): string => parsePlace(backend).backend;

/** True if the run cannot tell which of two cells is faster. */
export const areCellsTied = (a: RankedCell, b: RankedCell): boolean =>
  areTied(resolvedTime(a), resolvedTime(b));

/** The resolution between two cells, as a ratio minus 1: times no further apart are tied. */
export const resolutionBetween = (a: RankedCell, b: RankedCell): number =>
  jointResolution(a.resolution, b.resolution);

const resolvedTime = ({ timing, resolution }: RankedCell) => ({ time: timing.medianNs, resolution });

/** The ratio of two times. Nothing is a multiple of a time below the clock's resolution, which shows as 0: undefined. */
export function ratioOf(time: number, base: number): number | undefined {
  if (time === base) return 1;
  return base > 0 ? time / base : undefined;
}

/** The measured cells of one workload and dtype, fastest first. @param results that contain the cells */
export function rank(
  cells: readonly Cell[],
  results: Pick<Results, "resolution" | "backends">,
  phase: RankedPhase = "gradient",
): RankedCell[] {
  const resolutions = resolutionLookup(results);
  const others = new Set(results.backends.flatMap((one) => (isContender(one) ? [] : one.id)));
  const measured = cells
    .flatMap((cell) => toMeasurements(cell, phase))
    .map((cell) => ({
      ...cell,
      isContender: !others.has(cell.backend),
      resolution: resolutions(cell, phase, cell.timing),
    }))
    .sort(
      (a, b) =>
        a.timing.medianNs - b.timing.medianNs ||
        a.backend.localeCompare(b.backend) ||
        a.method.localeCompare(b.method),
    );
  const contenders = measured.filter((cell) => cell.isContender);
  const settled = contenders.filter(hasSettled);
  const placed = settled.length > 0 ? settled : contenders;
  const ranks = rankWithTies(
    placed.map(({ timing: { medianNs }, resolution }) => ({ time: medianNs, resolution })),
  );
  const [first = measured[0]] = placed;
  const fastest = first?.timing.medianNs ?? 0;
  return measured.map((measurement) => {
    const { workload: _, machine: __, ...cell } = measurement;
    const rank = ranks[placed.indexOf(measurement)];
    return {
      ...cell,
      rank,
      ratio: ratioOf(cell.timing.medianNs, fastest) ?? Number.POSITIVE_INFINITY,
      tied: measurement !== first && rank === 1,
    };
  });
}

const isContender = ({ reference, device }: BackendRecord): boolean =>
  !reference && device?.kind !== "software-gpu";

/** Ids of the backends that are references. */
export const referenceIds = ({ backends }: Pick<Results, "backends">): ReadonlySet<string> =>
  new Set(backends.flatMap(({ id, reference }) => (reference ? id : [])));
