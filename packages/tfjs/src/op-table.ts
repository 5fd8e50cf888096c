import type { DType, Node } from "@softmax-bench/graph";
import * as tf from "@tensorflow/tfjs-core";

/**
 * ONNX operator semantics in TensorFlow.js functions, each differentiable by its tape unless said otherwise.
 * An entry gets the node's inputs and returns its first output: no reader here needs a second one.
 */
type Reader = (node: Node, inputs: readonly tf.Tensor[]) => tf.Tensor;

const unary =
  (compute: (x: tf.Tensor) => tf.Tensor): Reader =>
  (node, [x]) =>
    compute(given(node, x));
const binary =
  (compute: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Reader =>
  (node, [a, b]) =>
    compute(given(node, a), given(node, b));
const reduction =
  (compute: (x: tf.Tensor, axes: number[], keepDims: boolean) => tf.Tensor): Reader =>
  (node, [x]) =>
    compute(given(node, x), [...numbers(node, "axes")], Boolean(node.attributes.keepdims));

export const OP_TABLE: Readonly<Record<string, Reader>> = {
  Exp: unary(tf.exp),
  Log: unary(tf.log),
  Neg: unary(tf.neg),
  StopGradient: unary(detached),

  Add: binary(tf.add),
  Sub: binary(tf.sub),
  Mul: binary(tf.mul),
  Div: binary(tf.div),
  Equal: binary(tf.equal),

  ReduceSum: reduction((x, axes, keepDims) => tf.sum(x, axes, keepDims)),
  ReduceMean: reduction((x, axes, keepDims) => tf.mean(x, axes, keepDims)),
  ReduceMax: reduction((x, axes, keepDims) => tf.max(x, axes, keepDims)),

  Softmax: (node, [x]) => tf.softmax(given(node, x), Number(node.attributes.axis)),
  LogSoftmax: (node, [x]) => tf.logSoftmax(given(node, x), Number(node.attributes.axis)),
  SoftmaxCrossEntropyLoss: (node, [scores, labels, weights]) =>
    libraryLoss(node, given(node, scores), given(node, labels), weights),

  OneHot: (node, [indices]) => oneHot(given(node, indices), Number(node.attributes.depth)),
  /** Not differentiable: TensorFlow.js has no gradient for GatherNd. */
  GatherElements: (node, [x, indices]) => gatherRows(node, given(node, x), given(node, indices)),
  /** Not differentiable: TensorFlow.js has no gradient for TensorScatterUpdate. */
  ScatterElements: (node, [x, indices, updates]) =>
    scatterRows(node, given(node, x), given(node, indices), given(node, updates)),

  Reshape: (node, [x]) => tf.reshape(given(node, x), [...numbers(node, "shape")]),
  Expand: (node, [x]) => tf.broadcastTo(given(node, x), [...numbers(node, "shape")]),
  Cast: (node, [x]) => tf.cast(given(node, x), tfjsDType(node.attributes.to)),
};

const TFJS_DTYPE: Partial<Record<DType, "float32" | "int32" | "bool">> = {
  float32: "float32",
  int32: "int32",
  int64: "int32",
  bool: "bool",
};

export function tfjsDType(dtype: unknown): "float32" | "int32" | "bool" {
  const found = TFJS_DTYPE[dtype as DType];
  if (!found) throw new Error(`TensorFlow.js has no dtype ${String(dtype)}`);
  return found;
}

function given(node: Node, input: tf.Tensor | undefined): tf.Tensor {
  if (!input) throw new Error(`${node.op} lacks an input`);
  return input;
}

function numbers(node: Node, name: string): readonly number[] {
  const value = node.attributes[name];
  if (!Array.isArray(value)) throw new Error(`${node.op} lacks its attribute ${name}`);
  return value as readonly number[];
}

/**
 * Cast afterwards: the wasm kernel writes integers into the buffer even where float32 is asked for.
 * `tf.oneHot` refuses a depth of 1.
 */
function oneHot(indices: tf.Tensor, depth: number): tf.Tensor {
  const rows = depth === 1 ? tf.equal(tf.expandDims(indices, -1), 0) : tf.oneHot(indices, depth);
  return tf.cast(rows, "float32");
}

/** `tf.losses.softmaxCrossEntropy`, which knows weights of rows only: those of the labels, and 0 for ignored ones. */
function libraryLoss(node: Node, logits: tf.Tensor, labels: tf.Tensor, weights?: tf.Tensor): tf.Tensor {
  const { reduction, ignore_index } = node.attributes;
  const ones = oneHot(labels, logits.shape[1] as number);
  const byClass = weights ? tf.sum(tf.mul(ones, weights), 1) : undefined;
  const counts =
    ignore_index === undefined
      ? undefined
      : tf.cast(tf.notEqual(labels, tf.scalar(Number(ignore_index), "int32")), "float32");
  const rows = byClass && counts ? tf.mul(byClass, counts) : (byClass ?? counts);
  // The library's own default, which is what its users call.
  if (!rows && reduction === "mean") return tf.losses.softmaxCrossEntropy(ones, logits);
  return tf.losses.softmaxCrossEntropy(ones, logits, rows, 0, LIBRARY_REDUCTION[String(reduction)]);
}

const LIBRARY_REDUCTION: Readonly<Record<string, tf.Reduction>> = {
  mean: tf.Reduction.MEAN,
  sum: tf.Reduction.SUM,
  none: tf.Reduction.NONE,
};

/** Another tensor on the same data, unknown to the tape: it costs no kernel and stops the gradient. */
function detached(x: tf.Tensor): tf.Tensor {
  return tf.engine().makeTensorFromTensorInfo({ dataId: x.dataId, shape: x.shape, dtype: x.dtype });
}

/** [row, column] pairs for indices [N, 1] along axis 1, the one case that losses need. */
function rowPairs(node: Node, indices: tf.Tensor): tf.Tensor {
  const [rows, width] = indices.shape;
  if (Number(node.attributes.axis) !== 1 || indices.rank !== 2 || width !== 1) {
    throw new Error(`${node.op} is supported for one index per row, got indices [${indices.shape}]`);
  }
  return tf.stack([tf.range(0, rows as number, 1, "int32"), tf.reshape(indices, [-1])], 1);
}

function gatherRows(node: Node, x: tf.Tensor, indices: tf.Tensor): tf.Tensor {
  return tf.reshape(tf.gatherND(x, rowPairs(node, indices)), indices.shape);
}

function scatterRows(node: Node, x: tf.Tensor, indices: tf.Tensor, updates: tf.Tensor): tf.Tensor {
  const pairs = rowPairs(node, indices);
  const flat = tf.reshape(updates, [-1]);
  const values = node.attributes.reduction === "add" ? tf.add(flat, tf.gatherND(x, pairs)) : flat;
  return tf.tensorScatterUpdate(x, pairs, values);
}
