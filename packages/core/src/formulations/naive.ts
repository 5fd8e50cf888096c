import { log, mul, neg, type Value } from "@softmax-bench/graph";
import type { Formulation } from "./formulation.js";
import { reduceRows, scaleRows } from "./reduction.js";
import { buildTargets, rowGradients, type Targets } from "./targets.js";
import { normalizedExponentials, rowSum } from "./terms.js";

/**
 * The textbook: exp → sum → div → log → ·onehot. Overflows for logits above 88.7 (float32) or 709.7 (float64). Its loss
 * is NaN for a masked class (a logit of −∞), because 0 · −∞ is NaN.
 */
export const naive: Formulation = {
  id: "naive",
  summary: "exponentials of the logits as they are (the original experiment)",
  rounding: { probabilities: "exponentials" },
  loss: (inputs) => {
    const { p } = normalizedExponentials(inputs.logits);
    return reduceRows(naiveCrossEntropies(p, buildTargets(inputs)), inputs);
  },
  lossAndGradient: (inputs) => {
    const { p } = normalizedExponentials(inputs.logits);
    const targets = buildTargets(inputs);
    return {
      loss: reduceRows(naiveCrossEntropies(p, targets), inputs),
      gradient: scaleRows(rowGradients(p, targets), inputs),
    };
  },
};

const naiveCrossEntropies = (p: Value, { q }: Targets): Value => neg(rowSum(mul(log(p), q)));
