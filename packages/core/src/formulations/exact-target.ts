import { log, mul, scalar, sub, type Value } from "@softmax-bench/graph";
import type { Formulation } from "./formulation.js";
import { reduceRows, scaleRows } from "./reduction.js";
import {
  buildTargets,
  isConcentrated,
  rowGradients,
  shiftedCrossEntropies,
  type Targets,
} from "./targets.js";
import { normalizedExponentials, rowMax, rowSum } from "./terms.js";

/**
 * p_target − 1 cancels when the target dominates: for logits [37.43, 0] in float64 it is 0 instead of −5.6e-17. A row
 * of the gradient sums to zero, so minus the sum of the others is the same number without cancellation. Probabilities
 * have no such entry; for them, this is the shifted formulation.
 */
export const exactTarget: Formulation = {
  id: "exact-target",
  summary: "shifted, with the target entry as −Σ of the others (no cancellation)",
  rounding: { probabilities: "shifted exponentials", balanced: true },
  lossAndGradient: (inputs) => {
    const z = sub(inputs.logits, rowMax(inputs.logits));
    const { p, sum } = normalizedExponentials(z);
    const targets = buildTargets(inputs);
    // Off the target, the gradient of a concentrated label is p Σ q: nothing is subtracted.
    const others = isConcentrated(inputs) ? weighted(p, targets) : rowGradients(p, targets);
    return {
      loss: reduceRows(shiftedCrossEntropies(z, log(sum), targets), inputs),
      gradient: scaleRows(targets.oneHot ? balanced(others, targets.oneHot) : others, inputs),
    };
  },
};

const weighted = (p: Value, { total }: Targets): Value => (total ? mul(p, total) : p);

/** Replaces each row's entry at the target by minus the sum of the others. */
function balanced(gradients: Value, oneHot: Value): Value {
  const offTarget = mul(gradients, sub(scalar(1, gradients.dtype), oneHot));
  return sub(offTarget, mul(oneHot, rowSum(offTarget)));
}
