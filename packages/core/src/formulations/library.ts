import { add, logSoftmax, mul, neg, reshape, scalar, softmaxCrossEntropyLoss } from "@softmax-bench/graph";
import type { Formulation, LossInputs } from "./formulation.js";
import { reduceRows } from "./reduction.js";
import { countedOf, crossEntropies, targetsOf } from "./targets.js";
import { classesOf, rowSum } from "./terms.js";

/**
 * The loss that the library itself ships: one node, which each backend reads with its own function. What that operator
 * does not know goes through the library's LogSoftmax: probabilities, and the even part of smoothed labels, which
 * PyTorch adds in the same way.
 */
export const library: Formulation = {
  id: "library",
  summary: "the loss the library ships",
  rounding: { probabilities: "log-probabilities" },
  loss: (inputs) => {
    const { logits, labels, weights, options } = inputs;
    if (options.targets === "probabilities") {
      return reduceRows(crossEntropies(logSoftmax(logits, 1), targetsOf(inputs)), inputs);
    }
    const { loss } = softmaxCrossEntropyLoss(logits, labels, { ...options, weights });
    const { labelSmoothing: epsilon } = options;
    if (epsilon === 0) return loss;
    const even = reduceRows(evenCrossEntropies(inputs), inputs);
    return add(
      mul(loss, scalar(1 - epsilon, logits.dtype)),
      mul(even, scalar(epsilon / classesOf(logits), logits.dtype)),
    );
  },
};

/** Σ_c w_c (−ln p_c) of each row that is not ignored, `[N, 1]`. */
function evenCrossEntropies(inputs: LossInputs) {
  const { logits, weights, options } = inputs;
  const logP = logSoftmax(logits, 1);
  const weighted = weights ? mul(logP, reshape(weights, [1, classesOf(logits)])) : logP;
  const losses = neg(rowSum(weighted));
  const counts = options.ignoreIndex === undefined ? undefined : countedOf({ ...inputs, weights: undefined });
  return counts ? mul(losses, counts) : losses;
}
