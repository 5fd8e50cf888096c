import { type MethodId, type Program, programFor } from "@softmax-bench/core";
import * as tf from "@tensorflow/tfjs-core";
// tfjs-core alone cannot differentiate.
import "#all-gradients";
import { interpret } from "./interpret.js";

/** A scalar loss and its gradient `[N, C]`, both float32 on the device. */
export interface DeviceGradient {
  readonly loss: tf.Tensor;
  readonly gradient: tf.Tensor;
}

/** The loss of a program on logits `[N, C]` (float32) and labels `[N]` (int32). */
export function forward(program: Program, logits: tf.Tensor, labels: tf.Tensor): tf.Tensor {
  return tf.tidy(() => interpret<"loss">(program.forward, { logits, labels }).loss);
}

/** Loss and gradient: by the tape for an autograd program, as written for a manual one. */
export function lossAndGradient(program: Program, logits: tf.Tensor, labels: tf.Tensor): DeviceGradient {
  if (program.kind === "manual") {
    return tf.tidy(() => interpret<"loss" | "gradient">(program.gradient, { logits, labels }));
  }
  const lossOf = (x: tf.Tensor) =>
    interpret<"loss">(program.forward, { logits: x, labels }).loss as tf.Scalar;
  const { value, grad } = tf.valueAndGrad(lossOf)(logits);
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
      const { loss, gradient } = lossAndGradient(program, x as tf.Tensor, labels);
      (save as tf.GradSaveFunc)([gradient]);
      return {
        value: loss as tf.Scalar,
        gradFunc: (upstream: tf.Scalar, [saved]: tf.Tensor[]) => tf.mul(upstream, saved as tf.Tensor),
      };
    });
    return op(logits);
  };
}
