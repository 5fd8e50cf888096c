import type { Program } from "@softmax-bench/core";
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

/** Computes loss and gradient: by the tape for an autograd program, by its own graph for a manual one. */
export function lossAndGradient(program: Program, feeds: Feeds): DeviceGradient {
  if (program.kind === "manual") {
    const { gradient, shortcut } = program;
    return (shortcut && byShortcut(shortcut, feeds)) ?? tf.tidy(() => run<Output>(gradient, feeds));
  }
  const computeLoss = (logits: tf.Tensor) => run<"loss">(program.forward, { ...feeds, logits }).loss;
  const { value, grad } = tf.valueAndGrad(computeLoss)(feeds.logits, feeds.upstream);
  return { loss: value, gradient: grad };
}

type Output = "loss" | "gradient";

/** Backends on which reading a number takes no time and needs no promise. */
const SYNCHRONOUS: readonly string[] = ["cpu", "wasm", "tensorflow"];

export const readsSynchronously = (): boolean => SYNCHRONOUS.includes(tf.getBackend());

/** Computes loss and gradient, if the shortcut is valid for these inputs. */
function byShortcut(shortcut: Graph, feeds: Feeds): DeviceGradient | undefined {
  if (!readsSynchronously()) return undefined;
  const found = tf.tidy(() => run<Output>(shortcut, feeds));
  if (found.loss.dataSync().every(Number.isFinite)) return found;
  tf.dispose([found.loss, found.gradient]);
  return undefined;
}
