import type { DType, Node } from "@softmax-bench/graph";
import type { Jax, JaxArray } from "./load.js";

/**
 * ONNX operator semantics in jax-js functions, each differentiable by `grad`. An entry receives the node's inputs and
 * returns its first output: no reader here needs a second one. Functions of jax-js consume their arguments, so
 * each input is passed as a reference of its own.
 */
type Reader = (jax: Jax, inputs: readonly JaxArray[], node: Node) => JaxArray;

const unary =
  (compute: (jax: Jax, x: JaxArray) => JaxArray): Reader =>
  (jax, [x], node) =>
    compute(jax, requireInput(node, x));
const binary =
  (compute: (np: Jax["numpy"], a: JaxArray, b: JaxArray) => JaxArray): Reader =>
  (jax, [a, b], node) =>
    compute(jax.numpy, requireInput(node, a), requireInput(node, b));
const reduction =
  (compute: (np: Jax["numpy"], x: JaxArray, axes: number[], keepdims: boolean) => JaxArray): Reader =>
  (jax, [x], node) =>
    compute(jax.numpy, requireInput(node, x), [...numbers(node, "axes")], Boolean(node.attributes.keepdims));

export const OP_TABLE: Readonly<Record<string, Reader>> = {
  Exp: unary(({ numpy }, x) => numpy.exp(x)),
  Log: unary(({ numpy }, x) => numpy.log(x)),
  Neg: unary(({ numpy }, x) => numpy.negative(x)),
  StopGradient: unary(({ lax }, x) => lax.stopGradient(x)),

  Add: binary((np, a, b) => np.add(a, b)),
  Sub: binary((np, a, b) => np.subtract(a, b)),
  Mul: binary((np, a, b) => np.multiply(a, b)),
  Div: binary((np, a, b) => np.divide(a, b)),
  Equal: binary((np, a, b) => np.equal(a, b)),
  Where: ({ numpy }, [condition, a, b], node) =>
    numpy.where(requireInput(node, condition), requireInput(node, a), requireInput(node, b)),

  ReduceSum: reduction((np, x, axes, keepdims) => np.sum(x, axes, { keepdims })),
  ReduceMean: reduction((np, x, axes, keepdims) => np.mean(x, axes, { keepdims })),
  ReduceMax: reduction((np, x, axes, keepdims) => np.max(x, axes, { keepdims })),

  Softmax: ({ nn }, [x], node) => nn.softmax(requireInput(node, x), Number(node.attributes.axis)),
  LogSoftmax: ({ nn }, [x], node) => nn.logSoftmax(requireInput(node, x), Number(node.attributes.axis)),
  SoftmaxCrossEntropyLoss: (jax, [scores, labels, weights], node) =>
    libraryLoss(jax, node, requireInput(node, scores), requireInput(node, labels), weights),

  OneHot: (jax, [indices], node) =>
    oneHot(
      jax,
      requireInput(node, indices),
      Number(node.attributes.depth),
      jaxDType(jax, node.outputs[0]?.dtype),
    ),
  GatherElements: (jax, [x, indices], node) =>
    gather(jax, node, requireInput(node, x), requireInput(node, indices)),
  ScatterElements: (jax, [x, indices, updates], node) =>
    scatter(jax, node, requireInput(node, x), requireInput(node, indices), requireInput(node, updates)),

  Reshape: ({ numpy }, [x], node) => numpy.reshape(requireInput(node, x), [...numbers(node, "shape")]),
  Expand: ({ numpy }, [x], node) => numpy.broadcastTo(requireInput(node, x), [...numbers(node, "shape")]),
  Cast: (jax, [x], node) => jax.numpy.astype(requireInput(node, x), jaxDType(jax, node.attributes.to)),
};

export function jaxDType({ numpy }: Jax, dtype: unknown): JaxArray["dtype"] {
  const known: Partial<Record<DType, JaxArray["dtype"]>> = {
    float32: numpy.float32,
    float64: numpy.float64,
    float16: numpy.float16,
    int32: numpy.int32,
    int64: numpy.int32,
    bool: numpy.bool,
  };
  const found = known[dtype as DType];
  if (!found) throw new Error(`jax-js has no dtype ${String(dtype)}`);
  return found;
}

function requireInput(node: Node, input: JaxArray | undefined): JaxArray {
  if (!input) throw new Error(`${node.op} lacks an input`);
  return input;
}

function numbers(node: Node, name: string): readonly number[] {
  const value = node.attributes[name];
  if (!Array.isArray(value)) throw new Error(`${node.op} lacks its attribute ${name}`);
  return value as readonly number[];
}

/** The loss from jax-js's own primitives, since it ships none: −logSoftmax at the labels, weighted and reduced. */
function libraryLoss(jax: Jax, node: Node, logits: JaxArray, labels: JaxArray, weights?: JaxArray): JaxArray {
  const { numpy, nn } = jax;
  const { reduction, ignore_index } = node.attributes;
  const [rows, classes] = logits.shape as [number, number];
  const { dtype } = logits;
  const ones = oneHot(jax, labels.ref, classes, dtype);
  const weighted = weights ? numpy.multiply(ones, weights) : ones;
  const counting = ignore_index === undefined ? undefined : numpy.notEqual(labels.ref, Number(ignore_index));
  labels.dispose();
  const counts = counting && numpy.astype(numpy.expandDims(counting, -1), dtype);
  const targets = counts ? numpy.multiply(weighted, counts) : weighted;
  const logP = nn.logSoftmax(logits, 1);
  // 0 · −∞ would be NaN for a masked class.
  const finite = numpy.where(numpy.equal(logP.ref, Number.NEGATIVE_INFINITY), 0, logP.ref);
  const masked = numpy.where(numpy.equal(targets.ref, 0), finite, logP);
  const losses = numpy.negative(numpy.sum(numpy.multiply(masked, targets.ref), 1));
  const total = numpy.sum(targets);
  if (reduction === "mean" && (weights || counts)) return numpy.divide(numpy.sum(losses), total);
  total.dispose();
  if (reduction === "none") return losses;
  const sum = numpy.sum(losses);
  return reduction === "mean" ? numpy.multiply(sum, 1 / rows) : sum;
}

/** Compares indices, since jax-js's own oneHot takes rows of an identity matrix, 10 GB for 50,257 classes. */
function oneHot({ numpy }: Jax, indices: JaxArray, depth: number, dtype: JaxArray["dtype"]): JaxArray {
  const column = numpy.expandDims(indices, -1);
  return numpy.astype(numpy.equal(column, numpy.arange(0, depth, 1, { dtype: numpy.int32 })), dtype);
}

/** A mask of each row's index, in a matrix with as many columns as x. Consumes the indices. */
function indexMask({ numpy }: Jax, node: Node, x: JaxArray, indices: JaxArray): JaxArray {
  const [, width] = indices.shape;
  const [, columns] = x.shape;
  if (Number(node.attributes.axis) !== 1 || indices.ndim !== 2 || width !== 1) {
    throw new Error(`${node.op} is supported for one index per row, got indices [${indices.shape}]`);
  }
  return numpy.equal(indices, numpy.arange(0, columns as number, 1, { dtype: numpy.int32 }));
}

/** By comparison in float64, where jax-js's gradient of takeAlongAxis is wrong, and on WebGL, where it has none (0.1.25). */
function gather(jax: Jax, node: Node, x: JaxArray, indices: JaxArray): JaxArray {
  const { numpy } = jax;
  const hasGradient = x.dtype !== numpy.float64 && jax.defaultDevice() !== "webgl";
  if (hasGradient) return numpy.takeAlongAxis(x, indices, Number(node.attributes.axis));
  return numpy.sum(numpy.where(indexMask(jax, node, x, indices), x, 0), 1, { keepdims: true });
}

/** Scatters by comparing every column with the row's index, since jax-js has no scatter. */
function scatter(jax: Jax, node: Node, x: JaxArray, indices: JaxArray, updates: JaxArray): JaxArray {
  const { numpy } = jax;
  const here = indexMask(jax, node, x, indices);
  const value = node.attributes.reduction === "add" ? numpy.add(x.ref, updates) : updates;
  return numpy.where(here, value, x);
}
