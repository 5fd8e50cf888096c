import { log, stopGradient, sub, type Value } from "@softmax-bench/graph";
import type { Formulation, LossInputs } from "./formulation.js";
import { reduceRows, scaleRows } from "./reduction.js";
import { buildTargets, rowGradients, shiftedCrossEntropies } from "./targets.js";
import { normalizedExponentials, rowMax } from "./terms.js";

const shift = ({ logits }: LossInputs): Value => sub(logits, rowMax(logits));

function buildLoss(z: Value, inputs: LossInputs): Value {
  const { sum } = normalizedExponentials(z);
  return reduceRows(shiftedCrossEntropies(z, log(sum), buildTargets(inputs)), inputs);
}

/**
 * Subtracts each row's maximum first: no overflow. The automatic gradient also flows through the maximum, where
 * contributions that sum to zero in exact arithmetic leave their rounding errors.
 */
export const shifted: Formulation = {
  id: "shifted",
  summary: "row maximum subtracted; autograd differentiates through the maximum",
  rounding: { probabilities: "shifted exponentials", throughMaximum: true },
  loss: (inputs) => buildLoss(shift(inputs), inputs),
  lossAndGradient: (inputs) => {
    const z = shift(inputs);
    const { p, sum } = normalizedExponentials(z);
    const targets = buildTargets(inputs);
    return {
      loss: reduceRows(shiftedCrossEntropies(z, log(sum), targets), inputs),
      gradient: scaleRows(rowGradients(p, targets), inputs),
    };
  },
};

/** The same loss with a constant maximum. This is exact: the loss does not depend on the shift. */
export const shiftedDetached: Formulation = {
  id: "shifted-detached",
  summary: "row maximum subtracted as a constant",
  rounding: { probabilities: "shifted exponentials" },
  loss: (inputs) => buildLoss(sub(inputs.logits, stopGradient(rowMax(inputs.logits))), inputs),
};
