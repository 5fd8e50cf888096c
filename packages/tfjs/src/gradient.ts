import { type MethodId, type Program, programFor } from "@softmax-bench/core";
import type { Graph } from "@softmax-bench/graph";
import * as tf from "@tensorflow/tfjs-core";
// tfjs-core alone cannot differentiate.
import "#all-gradients";
import { interpret } from "./interpret.js";

/** The loss (a scalar, or `[N]`) and its gradient `[N, C]`, both float32 on the device. */
export interface DeviceGradient {
  readonly loss: tf.Tensor;
  readonly gradient: tf.Tensor;
}

/** A program's inputs on the device: floats as float32, indices as int32. */
export interface Feeds {
  readonly logits: tf.Tensor;
  readonly labels: tf.Tensor;
  readonly weights?: tf.Tensor;
  readonly upstream?: tf.Tensor;
}

const run = <Output extends string>(graph: Graph, feeds: Feeds): Record<Output, tf.Tensor> =>
  interpret<Output>(graph, { ...feeds });

/** The loss of a program. */
export const forward = (program: Program, feeds: Feeds): tf.Tensor =>
  tf.tidy(() => run<"loss">(program.forward, feeds).loss);

/** Loss and gradient: by the tape for an autograd program, as written for a manual one. */
export function lossAndGradient(program: Program, feeds: Feeds): DeviceGradient {
  if (program.kind === "manual") {
    return tf.tidy(() => run<"loss" | "gradient">(program.gradient, feeds));
  }
  const lossOf = (logits: tf.Tensor) => run<"loss">(program.forward, { ...feeds, logits }).loss;
  const { value, grad } = tf.valueAndGrad(lossOf)(feeds.logits, feeds.upstream);
  return { loss: value, gradient: grad };
}

/**
 * A hand-written loss as an op to build models with: `tf.grad` of anything on top of it uses the method's own
 * gradient instead of differentiating its formula.
 *
 * @param method a manual method, e.g. `manual/exact-target`
 * @returns a function of logits `[N, C]` (float32) and labels `[N]` (int32) that gives the mean loss
 * @throws RangeError if the method is not a manual one
 */
export function softmaxCrossEntropy(
  method: MethodId,
): (logits: tf.Tensor2D, labels: tf.Tensor1D) => tf.Scalar {
  return (logits, labels) => {
    const [rows, classes] = logits.shape;
    const program = programFor({ method, dtype: "float32", rows, classes });
    if (program.kind !== "manual") throw new RangeError(`${method} has no hand-written gradient`);
    const op = tf.customGrad((x, save) => {
      const { loss, gradient } = lossAndGradient(program, { logits: x as tf.Tensor, labels });
      (save as tf.GradSaveFunc)([gradient]);
      return {
        value: loss as tf.Scalar,
        gradFunc: (upstream: tf.Scalar, [saved]: tf.Tensor[]) => tf.mul(upstream, saved as tf.Tensor),
      };
    });
    return op(logits);
  };
}
