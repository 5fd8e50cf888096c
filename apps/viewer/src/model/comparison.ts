import { type Cell, cellKey, type Results } from "@softmax-bench/core";

/** One cell in two runs. */
export interface Difference {
  readonly backend: string;
  readonly method: string;
  readonly dtype: Cell["dtype"];
  readonly workload: string;
  /** Median gradient time of the second run over that of the first. */
  readonly ratio: number;
  /** Of that ratio: what the two intervals allow, at worst and at best. */
  readonly interval: readonly [number, number];
  readonly errors: readonly [number, number];
  /** Both gradients are the same, bit for bit; undefined where a run has no digest. */
  readonly identical: boolean | undefined;
}

/** Cells that both runs measured, the largest change first. */
export function differencesBetween(first: Results, second: Results): Difference[] {
  const known = new Map(first.cells.map((cell) => [cellKey(cell), cell]));
  return second.cells
    .flatMap((cell) => differenceOf(known.get(cellKey(cell)), cell))
    .toSorted((a, b) => Math.abs(Math.log(b.ratio)) - Math.abs(Math.log(a.ratio)));
}

function differenceOf(before: Cell | undefined, after: Cell): Difference[] {
  const [a, b] = [before?.timing?.gradient, after.timing?.gradient];
  if (!before || !a || !b || a.medianNs <= 0 || b.medianNs <= 0) return [];
  const { backend, method, dtype, workload } = after;
  const digests = [before.gradientDigest, after.gradientDigest];
  return [
    {
      ...{ backend, method, dtype, workload },
      ratio: b.medianNs / a.medianNs,
      interval: [b.ci95Ns[0] / a.ci95Ns[1], b.ci95Ns[1] / a.ci95Ns[0]],
      errors: [before.accuracy?.gradient.relL2 ?? Number.NaN, after.accuracy?.gradient.relL2 ?? Number.NaN],
      identical: digests.every((digest) => digest !== undefined) ? digests[0] === digests[1] : undefined,
    },
  ];
}
