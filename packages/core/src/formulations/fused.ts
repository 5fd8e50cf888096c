import {
  div,
  gatherElements,
  log,
  mul,
  readableLabels,
  reshape,
  scalar,
  scatterElements,
  softmax,
  sub,
} from "@softmax-bench/graph";
import type { Formulation, LossAndGradient, LossInputs } from "./formulation.js";
import { reduceRows, scaleRows } from "./reduction.js";
import { countedOf, isConcentrated, rowGradients, shiftedCrossEntropies, targetsOf } from "./targets.js";
import { rowMax, rowsOf } from "./terms.js";

/**
 * Few passes over memory: the runtime's own Softmax, one element per row touched for the target, one scaling.
 * No one-hot matrix, and no exponential of a large number: log Σ exp(x) = max x − log(max p). The target logit
 * is taken from the maximum first, where a common offset cancels exactly.
 */
export const fused: Formulation = {
  id: "fused",
  summary: "the fewest passes over memory that the backend's kernels allow",
  rounding: { probabilities: "shifted exponentials" },
  lossAndGradient: (inputs) => (isConcentrated(inputs) ? atLabels(inputs) : everywhere(inputs)),
};

function atLabels(inputs: LossInputs): LossAndGradient {
  const { logits, labels, options } = inputs;
  const label = reshape(readableLabels(labels, options.ignoreIndex), [rowsOf(logits), 1]);
  const p = softmax(logits, 1);
  const belowMaximum = sub(rowMax(logits), gatherElements(logits, label, 1));
  const losses = sub(belowMaximum, log(rowMax(p)));
  const atTarget = sub(gatherElements(p, label, 1), scalar(1, logits.dtype));
  const gradients = scatterElements(p, label, atTarget, 1);
  const counted = countedOf(inputs);
  return {
    loss: reduceRows(counted ? mul(losses, counted) : losses, inputs),
    gradient: scale(counted ? mul(gradients, counted) : gradients, inputs),
  };
}

function everywhere(inputs: LossInputs): LossAndGradient {
  const p = softmax(inputs.logits, 1);
  const targets = targetsOf(inputs);
  const z = sub(inputs.logits, rowMax(inputs.logits));
  const logSum = sub(scalar(0, z.dtype), log(rowMax(p)));
  return {
    loss: reduceRows(shiftedCrossEntropies(z, logSum, targets), inputs),
    gradient: scale(rowGradients(p, targets), inputs),
  };
}

/** A plain mean by one multiplication per entry, which is faster than a division. */
function scale(gradients: LossAndGradient["gradient"], inputs: LossInputs) {
  if (inputs.options.reduction !== "mean" || countedOf(inputs)) return scaleRows(gradients, inputs);
  const { dtype } = gradients;
  return mul(gradients, div(scalar(1, dtype), scalar(rowsOf(gradients), dtype)));
}
