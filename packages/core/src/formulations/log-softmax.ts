import { exp, logSoftmax } from "@softmax-bench/graph";
import type { Formulation } from "./formulation.js";
import { reduceRows, scaleRows } from "./reduction.js";
import { buildTargets, crossEntropies, rowGradients } from "./targets.js";

/** The runtime's own LogSoftmax; by hand, the gradient needs no division: (exp(logp) − t) / N. */
export const logSoftmaxFormulation: Formulation = {
  id: "log-softmax",
  summary: "through the backend's LogSoftmax",
  rounding: { probabilities: "log-probabilities" },
  loss: (inputs) => reduceRows(crossEntropies(logSoftmax(inputs.logits, 1), buildTargets(inputs)), inputs),
  lossAndGradient: (inputs) => {
    const logP = logSoftmax(inputs.logits, 1);
    const targets = buildTargets(inputs);
    return {
      loss: reduceRows(crossEntropies(logP, targets), inputs),
      gradient: scaleRows(rowGradients(exp(logP), targets), inputs),
    };
  },
};
