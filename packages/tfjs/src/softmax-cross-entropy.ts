import { DEFAULT_LOSS, findMethod, type LossOptions, type MethodId, programFor } from "@softmax-bench/core";
import { requireOptions } from "@softmax-bench/numerics";
import * as tf from "@tensorflow/tfjs-core";
import { type Feeds, lossAndGradient } from "./gradient.js";
import { prepareFeeds } from "./operands.js";

/** A loss of logits `[N, C]` (float32), labels (`[N]` int32 or `[N, C]` float32) and optional class weights `[C]`. */
export type LossFunction<Loss extends tf.Tensor> = (
  logits: tf.Tensor2D,
  labels: tf.Tensor,
  weights?: tf.Tensor1D,
) => Loss;

type Options = Partial<Omit<LossOptions, "weighted">>;

/**
 * A hand-written loss as an op for building models: `tf.grad` of anything on top of it uses the method's own gradient
 * instead of differentiating its formula.
 *
 * Each call checks its arguments: shapes and dtypes everywhere and, on CPU backends, that labels are classes or the
 * ignored one, and that probabilities and weights are finite and 0 or more. On a GPU this would need a read-back.
 * There, a row with invalid labels has NaN loss and gradient, as in TensorFlow; invalid weights make all NaN.
 *
 * @param method a manual method, e.g. `manual/exact-target`
 * @param options differences from the mean over labelled rows
 * @returns the loss: a scalar, or `[N]` for reduction "none". Classes are weighted if weights are passed. It throws a
 * TypeError or a RangeError for invalid operands.
 * @throws RangeError if the method is not a manual one, or for invalid or contradictory options
 */
export function softmaxCrossEntropy(
  method: MethodId,
  options?: Options & { readonly reduction?: "mean" | "sum" },
): LossFunction<tf.Scalar>;
export function softmaxCrossEntropy(
  method: MethodId,
  options: Options & { readonly reduction: "none" },
): LossFunction<tf.Tensor1D>;
export function softmaxCrossEntropy(method: MethodId, options: Options = {}): LossFunction<tf.Tensor> {
  if (findMethod(method).kind !== "manual") throw new RangeError(`${method} has no hand-written gradient`);
  // An undefined option counts as not given.
  const set: Options = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const given = { ...DEFAULT_LOSS, ...set };
  requireOptions(given);
  const perRow = given.reduction === "none";
  return (logits, labels, weights) => {
    const operands = prepareFeeds({ logits, labels, weights }, given);
    const [rows, classes] = logits.shape;
    const loss = { ...given, weighted: weights !== undefined };
    const program = programFor({ method, dtype: "float32", rows, classes, loss });
    const op = tf.customGrad((x, save) => {
      const feeds: Feeds = {
        ...operands(x as tf.Tensor2D),
        ...(perRow ? { upstream: tf.ones([rows]) } : {}),
      };
      const computed = lossAndGradient(program, feeds);
      (save as tf.GradSaveFunc)([computed.gradient]);
      return {
        value: computed.loss,
        gradFunc: (upstream: tf.Tensor, [saved]: tf.Tensor[]) =>
          tf.mul(perRow ? tf.expandDims(upstream, 1) : upstream, saved as tf.Tensor),
      };
    });
    return op(logits);
  };
}
