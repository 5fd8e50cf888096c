import type { Kernels, Node } from "@softmax-bench/graph";
import * as tf from "@tensorflow/tfjs-core";
import { gatherRows, oneHot, scatterRows, stridedSlice } from "./indexing.js";
import { libraryLoss } from "./library-loss.js";
import { numbers, requireInput, tfjsDType } from "./support.js";
import { conv, hasWindow, maxPool } from "./windows.js";

/**
 * ONNX operator semantics in TensorFlow.js functions, each differentiable by its tape unless stated otherwise. An entry
 * receives the node's inputs and returns its outputs; unused outputs may be missing.
 */
type Reader = (node: Node, inputs: readonly tf.Tensor[]) => tf.Tensor | readonly tf.Tensor[];

const unary =
  (compute: (x: tf.Tensor) => tf.Tensor): Reader =>
  (node, [x]) =>
    compute(requireInput(node, x));
const binary =
  (compute: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Reader =>
  (node, [a, b]) =>
    compute(requireInput(node, a), requireInput(node, b));
/** The gradients of `tf.maximum` and `tf.minimum` do not undo broadcasting. */
const extremum =
  (compute: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Reader =>
  (node, inputs) => {
    const [a, b] = inputs.map((input) => tf.broadcastTo(input, [...(node.outputs[0]?.shape ?? [])]));
    return compute(requireInput(node, a), requireInput(node, b));
  };
/** The tape would request the gradient of a comparison, but has none: it is 0. */
const comparison = (compute: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Reader =>
  binary((a, b) => {
    const gradFunc = () => [tf.zerosLike(a), tf.zerosLike(b)];
    return tf.customGrad((...given) => ({
      value: compute(given[0] as tf.Tensor, given[1] as tf.Tensor),
      gradFunc,
    }))(a, b);
  });
const reduction =
  (compute: (x: tf.Tensor, axes: number[], keepDims: boolean) => tf.Tensor): Reader =>
  (node, [x]) =>
    compute(requireInput(node, x), [...numbers(node, "axes")], Boolean(node.attributes.keepdims));
/** Operators that return the same elements in another shape. */
const reshaped: Reader = (node, [x]) =>
  tf.reshape(requireInput(node, x), [...(node.outputs[0]?.shape ?? [])]);

/** The gradient of `tf.where` multiplies by the condition, which turns unselected non-finite values into NaN. */
function select(condition: tf.Tensor, a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  return tf.customGrad((...given) => {
    const [ofA, ofB, save] = given as unknown as [tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    save([condition]);
    return {
      value: tf.where(condition, ofA, ofB),
      gradFunc: (upstream: tf.Tensor, [saved]: tf.Tensor[]) => {
        const [chosen, zeros] = [saved as tf.Tensor, tf.zerosLike(upstream)];
        return [tf.where(chosen, upstream, zeros), tf.where(chosen, zeros, upstream)];
      },
    };
  })(a, b);
}

/** TensorFlow.js can differentiate normalizations along the last axis only. */
const normalization =
  (compute: (x: tf.Tensor) => tf.Tensor): Reader =>
  (node, [operand]) => {
    const x = requireInput(node, operand);
    const axis = Number(node.attributes.axis);
    if (axis === x.rank - 1) return compute(x);
    const exchange = x.shape.map((_, at) => (at === axis ? x.rank - 1 : at === x.rank - 1 ? axis : at));
    return tf.transpose(compute(tf.transpose(x, exchange)), exchange);
  };

export const OP_TABLE: Readonly<Record<string, Reader>> = {
  Exp: unary(tf.exp),
  Log: unary(tf.log),
  Neg: unary(tf.neg),
  Sqrt: unary(tf.sqrt),
  Abs: unary(tf.abs),
  Identity: unary((x) => x),
  StopGradient: unary(detached),

  Relu: unary(tf.relu),
  LeakyRelu: (node, [x]) => tf.leakyRelu(requireInput(node, x), Number(node.attributes.alpha)),
  Sigmoid: unary(tf.sigmoid),
  Tanh: unary(tf.tanh),
  Erf: unary(tf.erf),
  Clip: (node, [x]) =>
    tf.clipByValue(requireInput(node, x), Number(node.attributes.low), Number(node.attributes.high)),

  Add: binary(tf.add),
  Sub: binary(tf.sub),
  Mul: binary(tf.mul),
  Div: binary(tf.div),
  Pow: binary(tf.pow),
  Max: extremum(tf.maximum),
  Min: extremum(tf.minimum),
  Equal: comparison(tf.equal),
  Greater: comparison(tf.greater),
  Less: comparison(tf.less),
  Where: (node, inputs) => {
    // It broadcasts, but its gradient does not undo that.
    const shape = [...(node.outputs[0]?.shape ?? [])];
    const [condition, a, b] = inputs.map((input) => tf.broadcastTo(input, shape));
    return select(requireInput(node, condition), requireInput(node, a), requireInput(node, b));
  },

  MatMul: (node, inputs) => {
    const batch = (node.outputs[0]?.shape ?? []).slice(0, -2);
    const [a, b] = inputs.map((input) => tf.broadcastTo(input, [...batch, ...input.shape.slice(-2)]));
    return tf.matMul(requireInput(node, a), requireInput(node, b));
  },
  Gemm: (node, [a, b, c]) => {
    const { alpha, beta, transA, transB } = node.attributes;
    const product = tf.matMul(requireInput(node, a), requireInput(node, b), transA === 1, transB === 1);
    const scaled = alpha === 1 ? product : tf.mul(product, Number(alpha));
    return c ? tf.add(scaled, beta === 1 ? c : tf.mul(c, Number(beta))) : scaled;
  },
  Conv: conv,
  MaxPool: maxPool,

  ReduceSum: reduction((x, axes, keepDims) => tf.sum(x, axes, keepDims)),
  ReduceMean: reduction((x, axes, keepDims) => tf.mean(x, axes, keepDims)),
  ReduceMax: reduction((x, axes, keepDims) => tf.max(x, axes, keepDims)),
  ReduceLogSumExp: reduction((x, axes, keepDims) => tf.logSumExp(x, axes, keepDims)),

  Softmax: normalization((x) => tf.softmax(x)),
  LogSoftmax: normalization((x) => tf.logSoftmax(x)),
  SoftmaxCrossEntropyLoss: (node, [scores, labels, weights]) =>
    libraryLoss(node, requireInput(node, scores), requireInput(node, labels), weights),

  OneHot: (node, [indices]) => oneHot(requireInput(node, indices), Number(node.attributes.depth)),
  Gather: (node, [x, indices]) =>
    tf.gather(
      requireInput(node, x),
      tf.cast(requireInput(node, indices), "int32"),
      Number(node.attributes.axis),
    ),
  GatherElements: (node, [x, indices]) =>
    gatherRows(node, requireInput(node, x), requireInput(node, indices)),
  /** Not differentiable: TensorFlow.js has no gradient for TensorScatterUpdate. */
  ScatterElements: (node, [x, indices, updates]) =>
    scatterRows(node, requireInput(node, x), requireInput(node, indices), requireInput(node, updates)),

  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Transpose: (node, [x]) => tf.transpose(requireInput(node, x), [...numbers(node, "perm")]),
  Expand: (node, [x]) => tf.broadcastTo(requireInput(node, x), [...numbers(node, "shape")]),
  Cast: (node, [x]) => tf.cast(requireInput(node, x), tfjsDType(node.attributes.to)),

  Concat: (node, inputs) => tf.concat([...inputs], Number(node.attributes.axis)),
  Split: (node, [x]) =>
    tf.split(requireInput(node, x), [...numbers(node, "sizes")], Number(node.attributes.axis)),
  Slice: (node, [operand]) => {
    const x = requireInput(node, operand);
    const [axis, start, step] = ["axis", "start", "step"].map((name) => Number(node.attributes[name])) as [
      ...[number, number, number],
    ];
    const size = node.outputs[0]?.shape[axis] ?? 0;
    if (step !== 1) return stridedSlice(x, axis, start, step, size);
    const begin = x.shape.map((_, at) => (at === axis ? start : 0));
    return tf.slice(x, begin, [...(node.outputs[0]?.shape ?? [])]);
  },
  Pad: (node, [x]) => {
    const pads = numbers(node, "pads");
    const half = pads.length / 2;
    const pairs = Array.from({ length: half }, (_, axis): [number, number] => [
      pads[axis] as number,
      pads[axis + half] as number,
    ]);
    return tf.pad(requireInput(node, x), pairs, Number(node.attributes.value));
  },
};

/** The kernels that `interpret` supports; other operators have bodies that it supports. */
export const TFJS_KERNELS: Kernels = {
  ...Object.fromEntries(Object.keys(OP_TABLE).map((op) => [op, ["float32"] as const])),
  Conv: ({ attributes }) => (hasWindow(attributes) ? ["float32"] : []),
  MaxPool: ({ attributes }) => (hasWindow(attributes) ? ["float32"] : []),
};

/** Another tensor on the same data, unknown to the tape: it costs no kernel and stops the gradient. */
function detached(x: tf.Tensor): tf.Tensor {
  return tf.engine().makeTensorFromTensorInfo({ dataId: x.dataId, shape: x.shape, dtype: x.dtype });
}
