import type { Decimal } from "decimal.js";
import type { Problem } from "../../src/index.js";
import { Decimal60, exact, log1p } from "./decimal.js";

const [ZERO, ONE] = [new Decimal60(0), new Decimal60(1)];

/** Loss and gradient of a problem from PyTorch's definition, in 60 digits. */
export interface Definition {
  readonly loss: readonly Decimal[];
  readonly gradient: readonly Decimal[];
  /** p (Q − q) + q (1 − p), times the row's share: what the error of a gradient entry is relative to. */
  readonly scale: readonly Decimal[];
}

const sum = (values: readonly Decimal[]): Decimal => values.reduce((a, b) => a.plus(b), ZERO);

const sumWithout = (values: readonly Decimal[], index: number): Decimal =>
  sum(values.filter((_, c) => c !== index));

export function definitionOf(problem: Problem): Definition {
  const { rows, classes, labels, weights, ignoreIndex, labelSmoothing = 0, reduction = "mean" } = problem;
  const epsilon = exact(labelSmoothing);
  const weightOf = (c: number) => (weights ? exact(weights[c] as number) : ONE);
  const isIgnored = (row: number) => labels instanceof Int32Array && labels[row] === ignoreIndex;

  const targets = Array.from({ length: rows }, (_, row) =>
    Array.from({ length: classes }, (__, c) => {
      if (isIgnored(row)) return ZERO;
      const t =
        labels instanceof Int32Array
          ? new Decimal60(labels[row] === c ? 1 : 0)
          : exact(labels[row * classes + c] as number);
      return weightOf(c).mul(t.mul(ONE.minus(epsilon)).plus(epsilon.div(classes)));
    }),
  );
  const counted =
    labels instanceof Int32Array
      ? sum(Array.from(labels, (label) => (label === ignoreIndex ? ZERO : weightOf(label))))
      : new Decimal60(rows);
  const shareOf = (row: number): Decimal => {
    if (reduction === "none") return problem.upstream ? exact(problem.upstream[row] as number) : ONE;
    return reduction === "sum" ? ONE : ONE.div(counted);
  };

  const [rowLosses, gradient, scale]: [Decimal[], Decimal[], Decimal[]] = [[], [], []];
  for (const [row, q] of targets.entries()) {
    const x = Array.from({ length: classes }, (_, c) => exact(problem.logits[row * classes + c] as number));
    const largest = x.reduce((a, b) => (a.gt(b) ? a : b));
    const first = x.indexOf(largest);
    const odds = x.map((logit) => logit.minus(largest).exp());
    const partition = sum(odds);
    // ln Σ exp(x − max), from the sum without the largest, which is 1.
    const logSum = log1p(sum(odds.filter((_, c) => c !== first)));
    const share = shareOf(row);
    rowLosses.push(sum(q.map((t, c) => t.mul(logSum.plus(largest.minus(x[c] as Decimal))))));
    for (const [c, t] of q.entries()) {
      // p Q − q without its cancellation, which 60 digits would not survive everywhere.
      const p = (odds[c] as Decimal).div(partition);
      const up = p.mul(sumWithout(q, c));
      const down = t.mul(sumWithout(odds, c).div(partition));
      gradient.push(up.minus(down).mul(share));
      scale.push(up.plus(down).mul(share.abs()));
    }
  }
  const total = sum(rowLosses);
  const loss = reduction === "none" ? rowLosses : [reduction === "sum" ? total : total.div(counted)];
  return { loss, gradient, scale };
}
