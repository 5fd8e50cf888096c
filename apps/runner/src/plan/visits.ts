import { placeName, uniformSource } from "@softmax-bench/core";
import { comparisonKey } from "./estimate.js";
import type { PlannedCell } from "./plan.js";
import { drawTwin } from "./twins.js";

/** One measurement of a cell in one process. */
export interface Visit {
  readonly cell: PlannedCell;
  /** True for the second measurement of an A/A pair (`twins.ts`). */
  readonly isTwin: boolean;
  /** Counts the measurements of the cell in this process, from 0. */
  readonly pass: number;
  /**
   * Number of a further visit, from 0, which is made only if the cores were disturbed in more passes than that; undefined for regular
   * ones.
   */
  readonly retry: number | undefined;
}

export interface DrawOptions {
  readonly seed: number;
  /** Number of the backend's process, from 0. */
  readonly round: number;
  /** Returns whether a cell is expected to run; only such a cell has a twin. Undefined for no twins. */
  readonly canHaveTwin: ((cell: PlannedCell) => boolean) | undefined;
  /** The number of times that the process goes through its cells. */
  readonly passes: number;
  /** The most further times, for cells whose cores were disturbed. */
  readonly retries: number;
}

/**
 * The visits of one process, in an order drawn from the run's seed. Workloads and dtypes are in random order, and so
 * are the methods within each; two compared methods are adjacent. A twin of one cell is at a place of its own. Every
 * second process reverses the order of the one before, so that of two compared methods each comes first equally often.
 * So does every second pass: what disturbs a cell at one time rarely does so at another.
 *
 * @param cells of one backend
 */
export function drawVisits(
  cells: readonly PlannedCell[],
  { seed, round, canHaveTwin, passes, retries }: DrawOptions,
): Visit[] {
  const [first] = cells;
  if (!first) return [];
  const uniform = uniformSource(`order/${placeName(first)}/${round >> 1}`, seed);
  const groups = groupBy(cells, ({ workload, dtype }) => `${workload.id} ${dtype}`);
  const visits = shuffle(groups, uniform).flatMap((group) => {
    const units = groupBy(group, comparisonKey).map((unit) =>
      shuffle(unit, uniform).map((cell) => ({ cell, isTwin: false })),
    );
    const twin = drawTwin(
      group.filter((cell) => canHaveTwin?.(cell)),
      seed,
    );
    return shuffle(twin ? [...units, [{ cell: twin, isTwin: true }]] : units, uniform).flat();
  });
  return Array.from({ length: passes + retries }, (_, pass) =>
    ((round + pass) % 2 === 0 ? visits : visits.toReversed()).map(
      (visit): Visit => ({ ...visit, pass, retry: pass < passes ? undefined : pass - passes }),
    ),
  ).flat();
}

/** Groups values, in the order of each group's first member. */
function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group) group.push(value);
    else groups.set(keyOf(value), [value]);
  }
  return [...groups.values()];
}

/** Shuffles by Fisher–Yates. */
export function shuffle<T>(values: readonly T[], uniform: () => number): T[] {
  const shuffled = [...values];
  for (let last = shuffled.length - 1; last > 0; last--) {
    const index = Math.floor(uniform() * (last + 1));
    [shuffled[last], shuffled[index]] = [shuffled[index] as T, shuffled[last] as T];
  }
  return shuffled;
}
