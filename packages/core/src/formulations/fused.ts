import {
  div,
  type FloatDType,
  gatherElements,
  less,
  log,
  mul,
  neg,
  scalar,
  scatterElements,
  softmax,
  sub,
  type Value,
  where,
} from "@softmax-bench/graph";
import type { Formulation, LossAndGradient, LossInputs } from "./formulation.js";
import { reduceRows, scaleRows } from "./reduction.js";
import {
  buildRowWeights,
  buildTargets,
  isConcentrated,
  labelColumn,
  rowGradients,
  shiftedCrossEntropies,
  timesCounted,
} from "./targets.js";
import { rowMax, rowsOf } from "./terms.js";

/**
 * Few passes over memory: the runtime's own Softmax, one element per row read for the target, one scaling. No one-hot
 * matrix, and no exponential of a large number: log Σ exp(x) = max x − log(max p). The target logit is taken from the
 * maximum first, where a common offset cancels exactly. Its shortcut, −log p, needs no maximum and serves labels that
 * are not extremely improbable.
 */
export const fused: Formulation = {
  id: "fused",
  summary: "the fewest passes over memory that the backend's kernels allow",
  rounding: { probabilities: "shifted exponentials" },
  lossAndGradient: (inputs) =>
    isConcentrated(inputs) ? atLabels(inputs, lossByMaximum) : everywhere(inputs),
  shortcut: (inputs) => (isConcentrated(inputs) ? atLabels(inputs, lossByProbability) : undefined),
};

/** The parts of a row's loss: logits, probabilities, and the probability at the label. */
interface Row {
  readonly logits: Value;
  readonly p: Value;
  readonly label: Value;
  readonly pAtLabel: Value;
}

/** Correct for any finite logits, at the cost of two more passes over memory. */
const lossByMaximum = ({ logits, p, label }: Row): Value =>
  sub(sub(rowMax(logits), gatherElements(logits, label, 1)), log(rowMax(p)));

/** Below these values, probabilities may have lost digits to underflow: above the smallest normal number. */
const LEAST_PROBABILITY: Readonly<Record<FloatDType, number>> = {
  float32: 2 ** -100,
  float64: 2 ** -1000,
  float16: 2 ** -12,
  bfloat16: 2 ** -100,
};

/** −log p. If p may not be exact enough, it counts as 0 and the loss is infinite. */
function lossByProbability({ pAtLabel }: Row): Value {
  const { dtype } = pAtLabel;
  const least = scalar(LEAST_PROBABILITY[dtype as FloatDType], dtype);
  return neg(log(where(less(pAtLabel, least), scalar(0, dtype), pAtLabel)));
}

function atLabels(inputs: LossInputs, lossOf: (row: Row) => Value): LossAndGradient {
  const { logits } = inputs;
  const label = labelColumn(inputs);
  const p = softmax(logits, 1);
  const pAtLabel = gatherElements(p, label, 1);
  const losses = lossOf({ logits, p, label, pAtLabel });
  const gradients = scatterElements(p, label, sub(pAtLabel, scalar(1, logits.dtype)), 1);
  const counted = buildRowWeights(inputs);
  return {
    loss: reduceRows(neg(timesCounted(neg(losses), inputs)), inputs),
    gradient: scale(counted ? mul(gradients, counted) : gradients, inputs),
  };
}

function everywhere(inputs: LossInputs): LossAndGradient {
  const p = softmax(inputs.logits, 1);
  const targets = buildTargets(inputs);
  const z = sub(inputs.logits, rowMax(inputs.logits));
  const logSum = sub(scalar(0, z.dtype), log(rowMax(p)));
  return {
    loss: reduceRows(shiftedCrossEntropies(z, logSum, targets), inputs),
    gradient: scale(rowGradients(p, targets), inputs),
  };
}

/** Scales a plain mean by one multiplication per entry, which is faster than a division. */
function scale(gradients: LossAndGradient["gradient"], inputs: LossInputs) {
  if (inputs.options.reduction !== "mean" || buildRowWeights(inputs)) return scaleRows(gradients, inputs);
  const { dtype } = gradients;
  return mul(gradients, div(scalar(1, dtype), scalar(rowsOf(gradients), dtype)));
}
