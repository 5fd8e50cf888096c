import { log, mul, reduceMean, stopGradient, sub, type Value } from "@softmax-bench/graph";
import type { Formulation, LossInputs } from "./formulation.js";
import { meanGradient, normalizedExponentials, rowMax, rowSum, targets } from "./terms.js";

/** mean(log Σ exp(z) − z_target), for logits shifted so that their largest is 0. */
export const shiftedLoss = (z: Value, sum: Value, t: Value): Value =>
  reduceMean(sub(log(sum), rowSum(mul(z, t))));

const shift = ({ logits }: LossInputs): Value => sub(logits, rowMax(logits));

function lossOf(z: Value, t: Value): Value {
  return shiftedLoss(z, normalizedExponentials(z).sum, t);
}

/**
 * Subtracts each row's maximum first: no overflow. Differentiated, the gradient also flows through the
 * maximum, where contributions that sum to zero in exact arithmetic leave their rounding errors.
 */
export const shifted: Formulation = {
  id: "shifted",
  summary: "row maximum subtracted; autograd differentiates through the maximum",
  loss: (inputs) => lossOf(shift(inputs), targets(inputs)),
  lossAndGradient: (inputs) => {
    const z = shift(inputs);
    const { p, sum } = normalizedExponentials(z);
    const t = targets(inputs);
    return { loss: shiftedLoss(z, sum, t), gradient: meanGradient(p, t) };
  },
};

/** The same loss with the maximum held constant, which is exact: the loss does not depend on the shift. */
export const shiftedDetached: Formulation = {
  id: "shifted-detached",
  summary: "row maximum subtracted as a constant",
  loss: (inputs) => lossOf(sub(inputs.logits, stopGradient(rowMax(inputs.logits))), targets(inputs)),
};
