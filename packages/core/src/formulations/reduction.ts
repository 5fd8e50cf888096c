import {
  add,
  cast,
  div,
  equal,
  mul,
  reduceMean,
  reduceSum,
  reshape,
  scalar,
  stopGradient,
  sub,
  type Value,
} from "@softmax-bench/graph";
import type { LossInputs } from "./formulation.js";
import { countedOf } from "./targets.js";
import { rowsOf } from "./terms.js";

/** The loss from the rows' losses `[N, 1]`: a scalar, or `[N]`. */
export function reduceRows(losses: Value, inputs: LossInputs): Value {
  const { reduction } = inputs.options;
  if (reduction === "none") return reshape(losses, [rowsOf(losses)]);
  if (reduction === "sum") return reduceSum(losses);
  const counted = countedOf(inputs);
  if (!counted) return reduceMean(losses);
  const total = reduceSum(counted);
  const mean = div(reduceSum(losses), orOne(total));
  return add(mean, stopGradient(undefinedIfZero(total)));
}

/** What the gradients of the rows' losses `[N, C]` become in the gradient of the loss. */
export function scaleRows(gradients: Value, inputs: LossInputs): Value {
  const { reduction } = inputs.options;
  const { upstream } = inputs;
  if (reduction === "none" && upstream) return mul(gradients, reshape(upstream, [rowsOf(gradients), 1]));
  if (reduction === "sum") return gradients;
  const counted = countedOf(inputs);
  return div(gradients, counted ? orOne(reduceSum(counted)) : scalar(rowsOf(gradients), gradients.dtype));
}

/** A total, or 1 in place of 0: where no row counts, the gradient is 0 and not 0/0. */
const orOne = (total: Value): Value => add(total, isZero(total));

const isZero = (x: Value): Value => cast(equal(x, scalar(0, x.dtype)), x.dtype);

/** NaN where the total is 0, and 0 elsewhere: the mean over nothing. */
function undefinedIfZero(total: Value): Value {
  return div(scalar(0, total.dtype), sub(scalar(1, total.dtype), isZero(total)));
}
