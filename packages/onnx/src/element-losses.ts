import {
  abs,
  add,
  div,
  equal,
  GraphError,
  input,
  less,
  log,
  mul,
  neg,
  reduceMean,
  reduceSum,
  relu,
  scalar,
  sigmoid,
  sizeOf,
  softplus,
  sub,
  type Value,
  where,
} from "@softmax-bench/graph";
import type { Head } from "./head.js";

/** The reduction of the losses of elements to the loss; "batchmean" is their sum divided by the size of the first axis. */
export type ElementReduction = "mean" | "sum" | "none" | "batchmean";

export interface ElementLossOptions {
  /** Default: "mean". */
  readonly reduction?: ElementReduction | undefined;
  /** The difference from which a Huber loss is linear. Default: 1. */
  readonly delta?: number | undefined;
}

interface Elements {
  readonly loss: Value;
  /** Its derivative with respect to the element, where that of the formula would be wrong. */
  readonly gradient?: Value;
}

const half = (x: Value): Value => mul(x, scalar(0.5, x.dtype));

/** The squared difference. */
function squared(output: Value, targets: Value): Elements {
  const difference = sub(output, targets);
  return { loss: mul(difference, difference) };
}

const absolute = (output: Value, targets: Value): Elements => ({ loss: abs(sub(output, targets)) });

function huber(output: Value, targets: Value, delta: number): Elements {
  const difference = sub(output, targets);
  const [size, limit] = [abs(difference), scalar(delta, output.dtype)];
  const linear = mul(limit, sub(size, half(limit)));
  return { loss: where(less(size, limit), half(mul(difference, difference)), linear) };
}

/** −t ln σ(x) − (1 − t) ln(1 − σ(x)) = max(x, 0) − x t + ln(1 + e^−|x|), without cancellation. */
function binaryCrossEntropy(x: Value, targets: Value): Elements {
  return {
    loss: add(sub(relu(x), mul(x, targets)), softplus(neg(abs(x)))),
    // The derivatives of max(x, 0) and |x| at 0 would have to cancel.
    gradient: sub(sigmoid(x), targets),
  };
}

/** t (ln t − x) of log-probabilities x and probabilities t; −t x where t is 0. */
function divergence(output: Value, targets: Value): Elements {
  const isZero = equal(targets, scalar(0, targets.dtype));
  const entropy = mul(targets, log(where(isZero, scalar(1, targets.dtype), targets)));
  return { loss: sub(entropy, mul(targets, output)) };
}

/**
 * Losses of each element of an output, with the formulas of PyTorch: `mse_loss`, `l1_loss`, `huber_loss`,
 * `binary_cross_entropy_with_logits`, and `kl_div` of log-probabilities.
 */
const LOSSES = {
  mse: squared,
  l1: absolute,
  huber,
  "bce-with-logits": binaryCrossEntropy,
  kl: divergence,
} satisfies Record<string, (output: Value, targets: Value, delta: number) => Elements>;

export type ElementLoss = keyof typeof LOSSES;

export const ELEMENT_LOSSES = Object.keys(LOSSES) as readonly ElementLoss[];

/**
 * A loss between an output and input `targets` of its type. With reduction "none", the loss has the output's shape, and
 * input `upstream` is the gradient with respect to it.
 * @throws GraphError if delta is not above 0, or the reduction "batchmean" has no batch
 */
export function elementHead(
  loss: ElementLoss,
  output: Value,
  { reduction = "mean", delta = 1 }: ElementLossOptions = {},
): Head {
  const { dtype, shape } = output;
  if (!(delta > 0)) throw new GraphError(`delta must be above 0, got ${delta}`);
  const targets = input("targets", dtype, shape);
  const elements: Elements = LOSSES[loss](output, targets, delta);
  if (reduction === "none") {
    const upstream = input("upstream", dtype, shape);
    const gradient = elements.gradient && mul(elements.gradient, upstream);
    return { inputs: [targets, upstream], upstream, loss: elements.loss, ...(gradient && { gradient }) };
  }
  const [batch] = shape;
  if (reduction === "batchmean" && batch === undefined) {
    throw new GraphError("batchmean needs an output with an axis for the batch");
  }
  const count = { mean: sizeOf(shape), sum: 1, batchmean: batch ?? 1 }[reduction];
  const shared = (x: Value) => (reduction === "sum" ? x : div(x, scalar(count, dtype)));
  const gradient = elements.gradient && shared(elements.gradient);
  const reduced = reduction === "mean" ? reduceMean(elements.loss) : shared(reduceSum(elements.loss));
  return { inputs: [targets], loss: reduced, ...(gradient && { gradient }) };
}
