import {
  div,
  equal,
  mul,
  reduceMean,
  reduceSum,
  reshape,
  scalar,
  type Value,
  where,
} from "@softmax-bench/graph";
import type { LossInputs } from "./formulation.js";
import { buildRowWeights } from "./targets.js";
import { isIgnored, rowsOf } from "./terms.js";

/** Reduces the rows' losses `[N, 1]` to the loss: a scalar, or `[N]`. */
export function reduceRows(losses: Value, inputs: LossInputs): Value {
  const { reduction } = inputs.options;
  if (reduction === "none") return reshape(losses, [rowsOf(losses)]);
  if (reduction === "sum") return reduceSum(losses);
  const counted = buildRowWeights(inputs);
  return counted ? div(reduceSum(losses), buildDivisor(counted)) : reduceMean(losses);
}

/** Scales the gradients of the rows' losses `[N, C]` to the gradient of the loss. */
export function scaleRows(gradients: Value, inputs: LossInputs): Value {
  const { options, upstream } = inputs;
  const { dtype } = gradients;
  if (options.reduction === "none" && upstream) {
    return mul(gradients, reshape(upstream, [rowsOf(gradients), 1]));
  }
  if (options.reduction === "sum") return gradients;
  const counted = buildRowWeights(inputs);
  if (!counted) return div(gradients, scalar(rowsOf(gradients), dtype));
  const ignored = isIgnored(inputs);
  const divisor = buildDivisor(counted);
  return div(gradients, ignored ? where(ignored, scalar(1, dtype), divisor) : divisor);
}

/** The divisor of the mean: NaN if nothing counts, because q/0 would be infinite for smoothed labels. */
function buildDivisor(counted: Value): Value {
  const total = reduceSum(counted);
  return where(equal(total, scalar(0, total.dtype)), scalar(Number.NaN, total.dtype), total);
}
