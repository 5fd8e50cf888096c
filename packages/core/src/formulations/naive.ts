import { log } from "@softmax-bench/graph";
import type { Formulation } from "./formulation.js";
import { reduceRows, scaleRows } from "./reduction.js";
import { crossEntropies, rowGradients, targetsOf } from "./targets.js";
import { normalizedExponentials } from "./terms.js";

/** The textbook: exp → sum → div → log → ·onehot. Overflows for logits above 88.7 (float32) or 709.7 (float64). */
export const naive: Formulation = {
  id: "naive",
  summary: "exponentials of the logits as they are (the original experiment)",
  rounding: { probabilities: "exponentials" },
  loss: (inputs) => {
    const { p } = normalizedExponentials(inputs.logits);
    return reduceRows(crossEntropies(log(p), targetsOf(inputs)), inputs);
  },
  lossAndGradient: (inputs) => {
    const { p } = normalizedExponentials(inputs.logits);
    const targets = targetsOf(inputs);
    return {
      loss: reduceRows(crossEntropies(log(p), targets), inputs),
      gradient: scaleRows(rowGradients(p, targets), inputs),
    };
  },
};
