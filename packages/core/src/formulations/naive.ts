import { log, mul, neg, reduceMean, type Value } from "@softmax-bench/graph";
import type { Formulation, LossInputs } from "./formulation.js";
import { meanGradient, normalizedExponentials, rowSum, targets } from "./terms.js";

const meanLoss = (y: Value, t: Value): Value => neg(reduceMean(rowSum(mul(log(y), t))));

/** The textbook: exp → sum → div → log → ·onehot. Overflows for logits above 88.7 (float32) or 709.7 (float64). */
export const naive: Formulation = {
  id: "naive",
  summary: "exponentials of the logits as they are (the original experiment)",
  loss: (inputs: LossInputs) => meanLoss(normalizedExponentials(inputs.logits).p, targets(inputs)),
  lossAndGradient: (inputs: LossInputs) => {
    const { p } = normalizedExponentials(inputs.logits);
    const t = targets(inputs);
    return { loss: meanLoss(p, t), gradient: meanGradient(p, t) };
  },
};
