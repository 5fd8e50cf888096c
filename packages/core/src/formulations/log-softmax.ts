import { exp, logSoftmax, mul, neg, reduceMean, type Value } from "@softmax-bench/graph";
import type { Formulation } from "./formulation.js";
import { meanGradient, rowSum, targets } from "./terms.js";

const meanLoss = (logP: Value, t: Value): Value => neg(reduceMean(rowSum(mul(logP, t))));

/** Through the runtime's own LogSoftmax; by hand, the gradient needs no division: (exp(logp) − t) / N. */
export const logSoftmaxFormulation: Formulation = {
  id: "log-softmax",
  summary: "through the backend's LogSoftmax",
  loss: (inputs) => meanLoss(logSoftmax(inputs.logits, 1), targets(inputs)),
  lossAndGradient: (inputs) => {
    const logP = logSoftmax(inputs.logits, 1);
    const t = targets(inputs);
    return { loss: meanLoss(logP, t), gradient: meanGradient(exp(logP), t) };
  },
};
