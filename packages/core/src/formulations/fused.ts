import {
  clip,
  div,
  equal,
  exp,
  type FloatDType,
  gatherElements,
  less,
  log,
  mul,
  neg,
  scalar,
  scatterElements,
  sizeOf,
  softmax,
  sub,
  type Value,
  where,
} from "@softmax-bench/graph";
import type { Formulation, LossAndGradient, LossInputs, ProgramKernels } from "./formulation.js";
import { reduceRows, scaleRows } from "./reduction.js";
import {
  buildRowWeights,
  buildTargets,
  isConcentrated,
  isPlain,
  labelColumn,
  rowGradients,
  shiftedCrossEntropies,
  timesCounted,
} from "./targets.js";
import { rowMax, rowSum, rowsOf } from "./terms.js";

/**
 * Few passes over memory: the runtime's own Softmax, one element per row read for the target, one scaling. No one-hot
 * matrix, and no exponential of a large number: log Σ exp(x) = max x − log(max p). The target logit is taken from the
 * maximum first, where a common offset cancels exactly. Its shortcut, −log p, needs no maximum and serves labels that
 * are not extremely improbable. Where the runtime's Softmax is slow, it is computed from exponentials of the logits as they are.
 */
export const fused: Formulation = {
  id: "fused",
  summary: "the fewest passes over memory that the backend's kernels allow",
  rounding: { probabilities: "shifted exponentials" },
  lossAndGradient: (inputs) =>
    isConcentrated(inputs) ? atLabels(inputs, lossByMaximum) : everywhere(inputs),
  shortcut: (inputs, kernels) => {
    if (!isConcentrated(inputs)) return undefined;
    const byUnshifted = isByExponentials(inputs, kernels) ? byExponentials(inputs) : undefined;
    return byUnshifted ?? atLabels(inputs, lossByProbability);
  },
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
function lossByProbability({ pAtLabel }: Pick<Row, "pAtLabel">): Value {
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

/** From so many entries on, the time of the exponentials outweighs that of a few more operators. */
const LEAST_ENTRIES = 2 ** 14;

/**
 * Sums of exponentials that stand for their row, in dtypes with room for them. Above the least, terms that underflow are less than the
 * smallest normal number beside it; below the most, the quotient of 1 and N times it is a normal number.
 */
const SUMS: Readonly<Partial<Record<FloatDType, readonly [least: number, most: number]>>> = {
  float64: [2 ** -50, 2 ** 900],
};

/** Rows with different weights are not computed so: an ignored one may overflow. */
const isByExponentials = (inputs: LossInputs, { slowSoftmax = false }: ProgramKernels): boolean =>
  slowSoftmax && isPlain(inputs) && sizeOf(inputs.logits.shape) >= LEAST_ENTRIES;

/**
 * The exponentials of the logits as they are: without a pass for the maximum, one for the difference and one for the
 * division. A sum that does not stand for its row counts as infinite, and so does the loss. Undefined for dtypes without room for them.
 */
function byExponentials(inputs: LossInputs): LossAndGradient | undefined {
  const { logits } = inputs;
  const { dtype } = logits;
  const limits = SUMS[dtype as FloatDType];
  if (!limits) return undefined;
  const label = labelColumn(inputs);
  const exponentials = exp(logits);
  const sum = rowSum(exponentials);
  const bounded = equal(sum, clip(sum, ...limits));
  const atLabel = gatherElements(exponentials, label, 1);
  const pAtLabel = div(atLabel, where(bounded, sum, scalar(Number.POSITIVE_INFINITY, dtype)));
  // The entries at labels are replaced before the multiplication: ONNX Runtime copies where that makes an output of a model.
  const differences = scatterElements(exponentials, label, sub(atLabel, sum), 1);
  return {
    loss: reduceRows(lossByProbability({ pAtLabel }), inputs),
    gradient: mul(differences, scale(div(scalar(1, dtype), sum), inputs)),
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
