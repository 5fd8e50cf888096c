import {
  clone,
  customGrad,
  expandDims,
  type GradSaveFunc,
  mul,
  type Scalar,
  scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  tensor2d,
} from "@tensorflow/tfjs-core";
import type { SoftmaxKernel } from "./kernel.js";
import type { LossOptions } from "./options.js";

/** A loss of logits `[N, C]` (float32) and labels: classes `[N]` (int32), or one-hot or other probabilities `[N, C]`. */
export type TensorLoss<Loss extends Tensor> = (logits: Tensor2D, labels: Tensor) => Loss;

/** The kernel's options, but for those that follow from the tensors. */
export type TensorLossOptions = Omit<LossOptions<Float32Array>, "dtype" | "classes" | "upstream">;

/**
 * Softmax cross-entropy by a kernel, as an op of TensorFlow.js with a gradient of its own: for `tf.grad`, `optimizer.minimize` and
 * `model.fit`. Logits are read from the backend's memory and the gradient is written to it, so it is for backends on the CPU, `wasm`
 * and `cpu`. A gradient of the gradient would take it for a constant.
 *
 * @returns the loss: a scalar, or `[N]` for reduction "none". It throws a TypeError or a RangeError for tensors and options that do not
 * fit together, as the kernel does.
 */
export function softmaxCrossEntropy(
  kernel: SoftmaxKernel,
  options?: TensorLossOptions & { readonly reduction?: "mean" | "sum" | undefined },
): TensorLoss<Scalar>;
export function softmaxCrossEntropy(
  kernel: SoftmaxKernel,
  options: TensorLossOptions & { readonly reduction: "none" },
): TensorLoss<Tensor1D>;
export function softmaxCrossEntropy(
  kernel: SoftmaxKernel,
  options: TensorLossOptions = {},
): TensorLoss<Tensor> {
  return (logits, labels) => {
    requireLogits(logits);
    const targets = readLabels(labels, logits);
    const op = customGrad((x, save) => {
      const values = (x as Tensor).dataSync<"float32">();
      const computed = kernel.softmaxCrossEntropy(values, targets, { ...options, classes: logits.shape[1] });
      (save as GradSaveFunc)([tensor2d(computed.gradient, logits.shape)]);
      const isPerRow = options.reduction === "none";
      return {
        value: isPerRow ? tensor1d(Float32Array.from(computed.losses)) : scalar(computed.loss),
        gradFunc: (upstream: Tensor, [gradient]: Tensor[]) =>
          isPerRow
            ? mul(expandDims(upstream, 1), gradient as Tensor)
            : scaled(gradient as Tensor, upstream as Scalar),
      };
    });
    return op(logits);
  };
}

/** The product. A loss that is minimised as it is has a factor of 1, for which the matrix need not be gone through. */
const scaled = (gradient: Tensor, factor: Scalar): Tensor =>
  factor.dataSync()[0] === 1 ? clone(gradient) : mul(factor, gradient);

/** @throws TypeError unless logits are a matrix of float32 */
function requireLogits({ dtype, shape, rank }: Tensor): void {
  if (rank === 2 && dtype === "float32") return;
  throw new TypeError(`logits: expected float32 [N, C], got ${dtype} [${shape}]`);
}

/** @throws TypeError, RangeError unless labels are classes, or have the shape of the logits */
function readLabels(labels: Tensor, logits: Tensor2D): Int32Array | Float32Array {
  const { dtype, shape, rank } = labels;
  if (rank === 1 && dtype === "int32") return labels.dataSync<"int32">();
  const [rows, classes] = logits.shape;
  if (rank !== 2 || dtype === "string" || dtype === "complex64") {
    throw new TypeError(
      `labels: expected int32 [${rows}], or probabilities [${rows}, ${classes}], got ${dtype} [${shape}]`,
    );
  }
  if (shape[0] !== rows || shape[1] !== classes) {
    throw new RangeError(`labels: expected probabilities [${rows}, ${classes}], got [${shape}]`);
  }
  // One-hot labels are integers.
  return dtype === "float32" ? labels.dataSync<"float32">() : Float32Array.from(labels.dataSync());
}
