import { div, mul, scalar, sub } from "@softmax-bench/graph";
import type { Formulation } from "./formulation.js";
import { shiftedLoss } from "./shifted.js";
import { normalizedExponentials, rowMax, rowSum, rowsOf, targets } from "./terms.js";

/**
 * p_target − 1 cancels when the target dominates: for logits [37.43, 0] in float64 it gives 0, the true value
 * is −5.6e-17. A row of the gradient sums to zero, so −Σ_{j≠t} p_j is the same number without cancellation.
 */
export const exactTarget: Formulation = {
  id: "exact-target",
  summary: "shifted, with the target entry as −Σ of the others (no cancellation)",
  lossAndGradient: (inputs) => {
    const { logits } = inputs;
    const z = sub(logits, rowMax(logits));
    const { p, sum } = normalizedExponentials(z);
    const t = targets(inputs);
    const offTarget = mul(p, sub(scalar(1, logits.dtype), t));
    const gradient = sub(offTarget, mul(t, rowSum(offTarget)));
    return { loss: shiftedLoss(z, sum, t), gradient: div(gradient, scalar(rowsOf(logits), logits.dtype)) };
  },
};
