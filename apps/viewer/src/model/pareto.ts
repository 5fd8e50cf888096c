import { areCellsTied, hasSettled, type RankedCell } from "@softmax-bench/report/model";

/**
 * The cells that no other one beats, fastest first: none is faster by more than the joint resolution of both and no less
 * exact. Only times that had settled are compared.
 */
export function paretoFront(
  cells: readonly RankedCell[],
  errorOf: (cell: RankedCell) => number,
): RankedCell[] {
  const settled = cells.filter(hasSettled).toSorted((a, b) => a.timing.medianNs - b.timing.medianNs);
  const beats = (a: RankedCell, b: RankedCell): boolean =>
    a.timing.medianNs < b.timing.medianNs && !areCellsTied(a, b) && errorOf(a) <= errorOf(b);
  return settled.filter((cell) => !settled.some((other) => beats(other, cell)));
}
