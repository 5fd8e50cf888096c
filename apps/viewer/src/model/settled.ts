import type { Cell, Phase } from "@softmax-bench/core";
import { hasSettled } from "@softmax-bench/report/model";

/** True if a cell's times of these phases may be compared; a phase without a time does not count. */
export const haveSettled = ({ timing }: Pick<Cell, "timing">, phases: readonly Phase[]): boolean =>
  phases.every((phase) => {
    const timed = timing?.[phase];
    return timed === undefined || hasSettled({ timing: timed });
  });

/** Sorts rows of charts: first those whose times had settled, each of the two parts in the given order. */
export const settledFirst = <T>(
  rows: readonly T[],
  isSettled: (row: T) => boolean,
  compare: (a: T, b: T) => number,
): T[] => rows.toSorted((a, b) => Number(isSettled(b)) - Number(isSettled(a)) || compare(a, b));
