import { add, logSoftmax, mul, scalar, softmaxCrossEntropyLoss } from "@softmax-bench/graph";
import type { Formulation } from "./formulation.js";
import { reduceRows } from "./reduction.js";
import { buildTargets, crossEntropies } from "./targets.js";

/**
 * The loss that the library itself ships: one node, which each backend maps to its own function. The operator lacks
 * probabilities and the even part of smoothed labels; both go through the library's LogSoftmax, as in PyTorch.
 */
export const library: Formulation = {
  id: "library",
  summary: "the loss the library ships",
  rounding: { probabilities: "log-probabilities" },
  loss: (inputs) => {
    const { logits, labels, weights, options } = inputs;
    if (options.targets === "probabilities") {
      return reduceRows(crossEntropies(logSoftmax(logits, 1), buildTargets(inputs)), inputs);
    }
    const { labelSmoothing: epsilon } = options;
    const { loss } = softmaxCrossEntropyLoss(logits, labels, { ...options, weights });
    if (epsilon === 0) return loss;
    const evenly = { ...inputs, options: { ...options, labelSmoothing: 1 } };
    const even = reduceRows(crossEntropies(logSoftmax(logits, 1), buildTargets(evenly)), evenly);
    // 0 times an infinite loss would be NaN.
    if (epsilon === 1) return even;
    return add(mul(loss, scalar(1 - epsilon, logits.dtype)), mul(even, scalar(epsilon, logits.dtype)));
  },
};
