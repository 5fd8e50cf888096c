import { type LossOptions, type MethodId, type Program, programFor } from "@softmax-bench/core";
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
    const { gradient, shortcut } = program;
    return (shortcut && byShortcut(shortcut, feeds)) ?? tf.tidy(() => run<Output>(gradient, feeds));
  }
  const lossOf = (logits: tf.Tensor) => run<"loss">(program.forward, { ...feeds, logits }).loss;
  const { value, grad } = tf.valueAndGrad(lossOf)(feeds.logits, feeds.upstream);
  return { loss: value, gradient: grad };
}

type Output = "loss" | "gradient";

/** Backends on which reading a number takes no time, and needs no promise. */
const SYNCHRONOUS: readonly string[] = ["cpu", "wasm", "tensorflow"];

/** Loss and gradient, if the shortcut holds for these inputs. */
function byShortcut(shortcut: Graph, feeds: Feeds): DeviceGradient | undefined {
  if (!SYNCHRONOUS.includes(tf.getBackend())) return undefined;
  const found = tf.tidy(() => run<Output>(shortcut, feeds));
  if (found.loss.dataSync().every(Number.isFinite)) return found;
  tf.dispose([found.loss, found.gradient]);
  return undefined;
}

/** A loss of logits `[N, C]` (float32), labels (`[N]` int32, or `[N, C]` float32) and class weights `[C]`, if it takes some. */
export type LossFunction<Loss extends tf.Tensor> = (
  logits: tf.Tensor2D,
  labels: tf.Tensor,
  weights?: tf.Tensor1D,
) => Loss;

type Options = Partial<Omit<LossOptions, "weighted">>;

/**
 * A hand-written loss as an op to build models with: `tf.grad` of anything on top of it uses the method's own
 * gradient instead of differentiating its formula.
 *
 * @param method a manual method, e.g. `manual/exact-target`
 * @param options what differs from the mean over labelled rows
 * @returns the loss: a scalar, or `[N]` for reduction "none". Classes are weighted if it is given weights.
 * @throws RangeError if the method is not a manual one, or the options contradict each other
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
  const perRow = options.reduction === "none";
  return (logits, labels, weights) => {
    const [rows, classes] = logits.shape;
    const loss = { ...options, weighted: weights !== undefined };
    const program = programFor({ method, dtype: "float32", rows, classes, loss });
    if (program.kind !== "manual") throw new RangeError(`${method} has no hand-written gradient`);
    const op = tf.customGrad((x, save) => {
      const feeds = {
        ...{ logits: x as tf.Tensor, labels },
        ...(weights ? { weights } : {}),
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
