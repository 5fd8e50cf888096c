import {
  abs,
  add,
  and,
  apply,
  argMax,
  averagePool,
  batchNormalization,
  batchNormalizationInTraining,
  cast,
  clip,
  concat,
  conv,
  convTranspose,
  cumSum,
  div,
  equal,
  erf,
  exp,
  expand,
  flatten,
  floor,
  gather,
  gatherElements,
  gemm,
  globalAveragePool,
  greater,
  identity,
  indices,
  layerNormalization,
  leakyRelu,
  less,
  log,
  logSoftmax,
  matMul,
  max,
  maxPool,
  min,
  mod,
  mul,
  neg,
  negativeLogLikelihoodLoss,
  not,
  oneHot,
  or,
  pad,
  pow,
  range,
  reduceLogSumExp,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceProd,
  reduceSum,
  relu,
  reshape,
  round,
  type Shape,
  scalar,
  scatterElements,
  sigmoid,
  slice,
  softmax,
  softmaxCrossEntropyLoss,
  softplus,
  split,
  sqrt,
  squeeze,
  stopGradient,
  sub,
  tanh,
  topK,
  transpose,
  unsqueeze,
  type Value,
  where,
} from "@softmax-bench/graph";

/** An application of an operator to floating-point inputs of these shapes, whose elements are positive and distinct. */
export interface Sample {
  readonly shapes: readonly Shape[];
  readonly make: (...inputs: readonly Value[]) => Value;
}

/** Lets a sample name its inputs, which its shapes say are there. */
type Make<Inputs extends readonly unknown[]> = (...inputs: { [K in keyof Inputs]: Value }) => Value;
const sample = <const Shapes extends readonly Shape[]>(shapes: Shapes, make: Make<Shapes>): Sample => ({
  shapes,
  make: make as unknown as Sample["make"],
});
const unary = (make: (x: Value) => Value): Sample[] => [sample([[3, 4]], make)];
const binary = (make: (a: Value, b: Value) => Value): Sample[] => [
  sample(
    [
      [3, 4],
      [3, 4],
    ],
    make,
  ),
  sample([[3, 4], [4]], make),
  sample(
    [
      [3, 1],
      [2, 1, 4],
    ],
    make,
  ),
];

const labels = indices([3], [1, 3, 0]);
/** The inputs are positive; these functions are interesting below 0, too. */
const centred = (x: Value): Value => sub(x, scalar(1, x.dtype));
const isLarge = (x: Value): Value => greater(x, scalar(0.6, x.dtype));
const compared = (compare: (a: Value, b: Value) => Value) =>
  binary((a, b) => mul(a, cast(compare(a, b), a.dtype)));

/** Every operator, at least once. */
export const SAMPLES: Readonly<Record<string, readonly Sample[]>> = {
  Exp: unary(exp),
  Log: unary(log),
  Neg: unary(neg),
  Sqrt: unary(sqrt),
  Abs: unary((x) => abs(centred(x))),
  Identity: unary(identity),
  StopGradient: unary((x) => mul(x, stopGradient(x))),
  Relu: unary((x) => relu(centred(x))),
  LeakyRelu: unary((x) => leakyRelu(centred(x), 0.25)),
  Sigmoid: unary(sigmoid),
  Tanh: unary(tanh),
  Erf: unary((x) => erf(centred(x))),
  Clip: unary((x) => clip(x, 0.5, 1)),
  Softplus: unary((x) => softplus(centred(x))),
  ...Object.fromEntries(
    ["Sin", "Cos", "Tan", "Atan", "Sinh", "Cosh", "Asinh"].map((op) => [
      op,
      unary((x) => apply(op, [centred(x)])),
    ]),
  ),
  ...Object.fromEntries(
    ["Asin", "Acos", "Atanh"].map((op) => [
      op,
      unary((x) => apply(op, [mul(centred(x), scalar(0.9, x.dtype))])),
    ]),
  ),
  Acosh: unary((x) => apply("Acosh", [add(x, scalar(1, x.dtype))])),
  Floor: unary((x) => mul(x, floor(mul(x, scalar(3, x.dtype))))),
  Round: unary((x) => mul(x, round(mul(x, scalar(3, x.dtype))))),
  And: binary((a, b) => where(and(isLarge(a), isLarge(b)), a, b)),
  Or: binary((a, b) => where(or(isLarge(a), isLarge(b)), a, b)),
  Not: binary((a, b) => where(not(isLarge(a)), a, b)),
  Mod: binary(mod),
  Range: unary((x) => mul(x, range(1, 6, 1.5, x.dtype))),
  CumSum: [
    sample([[3, 4]], (x) => cumSum(x, 1)),
    sample([[2, 3, 2]], (x) => cumSum(x, 1, { exclusive: true, reverse: true })),
  ],
  ArgMax: unary((x) => mul(x, cast(argMax(x, 1), x.dtype))),
  TopK: [
    sample([[3, 4]], (x) => topK(x, 2, 1).values),
    sample([[4, 3]], (x) => {
      const { values, positions } = topK(x, 3, 0, { largest: false });
      return mul(values, cast(positions, x.dtype));
    }),
  ],
  ReduceMin: unary((x) => reduceMin(x, { axes: [1] })),
  ReduceProd: [
    sample([[3, 4]], (x) => reduceProd(x, { axes: [0] })),
    sample([[3, 4]], (x) => reduceProd(mul(x, cast(isLarge(x), x.dtype)), { axes: [1], keepdims: true })),
  ],
  Add: binary(add),
  Sub: binary(sub),
  Mul: binary(mul),
  Div: binary(div),
  Pow: binary(pow),
  Max: binary(max),
  Min: binary(min),
  Equal: compared(equal),
  Greater: compared(greater),
  Less: compared(less),
  Where: binary((a, b) => where(greater(a, scalar(0.8, a.dtype)), a, b)),
  MatMul: [
    sample(
      [
        [3, 4],
        [4, 2],
      ],
      matMul,
    ),
    sample(
      [
        [2, 1, 2, 3],
        [3, 3, 2],
      ],
      matMul,
    ),
  ],
  Gemm: [
    sample([[3, 2], [3, 4], [4]], (a, b, c) => gemm(a, b, c, { alpha: 0.5, beta: 2, transA: true })),
    sample(
      [
        [2, 3],
        [4, 3],
      ],
      (a, b) => gemm(a, b, undefined, { transB: true }),
    ),
  ],
  Conv: [
    sample([[2, 3, 5, 4], [2, 3, 3, 2], [2]], (x, w, b) => conv(x, w, b, { pads: [1, 0, 1, 1] })),
    sample(
      [
        [2, 4, 7, 6],
        [6, 2, 3, 2],
      ],
      (x, w) => conv(x, w, undefined, { strides: [2, 3], pads: [1, 0, 2, 1], dilations: [1, 2], group: 2 }),
    ),
    sample([[2, 2, 9], [3, 2, 2], [3]], (x, w, b) => conv(x, w, b, { strides: [3], dilations: [2] })),
    sample([[2, 4, 3, 5, 4], [4, 2, 2, 3, 2], [4]], (x, w, b) =>
      conv(x, w, b, { strides: [1, 2, 3], pads: [1, 0, 2, 0, 1, 1], dilations: [2, 1, 1], group: 2 }),
    ),
    sample([[1, 2, 2, 3, 2, 3], [3, 2, 2, 2, 1, 2], [3]], (x, w, b) => conv(x, w, b)),
  ],
  ConvTranspose: [
    sample([[2, 3, 3, 2], [3, 2, 2, 3], [2]], (x, w, b) => convTranspose(x, w, b, { pads: [0, 1, 1, 0] })),
    sample(
      [
        [2, 4, 3, 3],
        [4, 1, 3, 2],
      ],
      (x, w) =>
        convTranspose(x, w, undefined, {
          strides: [2, 3],
          pads: [1, 0, 0, 1],
          group: 2,
          outputPadding: [1, 1],
        }),
    ),
    sample(
      [
        [1, 2, 5],
        [2, 1, 3],
      ],
      (x, w) => convTranspose(x, w, undefined, { strides: [2] }),
    ),
    sample([[2, 4, 2, 3, 2], [4, 1, 2, 3, 2], [2]], (x, w, b) =>
      convTranspose(x, w, b, {
        strides: [1, 2, 3],
        pads: [0, 1, 0, 1, 0, 2],
        dilations: [2, 1, 1],
        group: 2,
        outputPadding: [0, 1, 1],
      }),
    ),
  ],
  MaxPool: [
    sample([[2, 2, 4, 6]], (x) => maxPool(x, [2, 2], { strides: [2, 2] })),
    sample([[2, 3, 5, 5]], (x) => maxPool(x, [3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] })),
    sample([[2, 1, 7]], (x) => maxPool(x, [3], { strides: [1], pads: [1, 0] })),
    sample([[2, 2, 3, 5, 4]], (x) => maxPool(x, [2, 3, 2], { strides: [1, 2, 2], pads: [1, 0, 1, 0, 2, 0] })),
  ],
  AveragePool: [
    sample([[2, 2, 4, 6]], (x) => averagePool(x, [2, 2], { strides: [2, 2] })),
    sample([[2, 3, 5, 5]], (x) => averagePool(x, [3, 3], { strides: [2, 1], pads: [1, 1, 1, 1] })),
    sample([[2, 1, 7]], (x) => averagePool(x, [3], { pads: [1, 0], countIncludePad: true })),
    sample([[2, 2, 3, 5, 4]], (x) =>
      averagePool(x, [2, 3, 2], { strides: [1, 2, 2], pads: [1, 0, 1, 0, 2, 0] }),
    ),
  ],
  GlobalAveragePool: [
    sample([[2, 3, 4, 5]], globalAveragePool),
    sample([[2, 3, 2, 3, 2]], globalAveragePool),
  ],
  BatchNormalization: [
    sample([[2, 3, 4, 2], [3], [3], [3], [3]], (x, scale, offset, mean, variance) =>
      batchNormalization(x, { scale, offset, mean, variance }),
    ),
    sample([[4, 3, 2], [3], [3], [3], [3]], (x, scale, offset, mean, variance) => {
      const trained = batchNormalizationInTraining(x, { scale, offset, mean, variance }, { epsilon: 0.01 });
      return concat([flatten(trained.y, 0), unsqueeze(add(trained.mean, trained.variance), [0])], 1);
    }),
  ],
  LayerNormalization: [
    sample([[3, 5], [5], [5]], (x, scale, offset) => layerNormalization(x, scale, offset)),
    sample(
      [
        [2, 3, 2],
        [3, 2],
      ],
      (x, scale) => layerNormalization(x, scale, undefined, { axis: 1 }),
    ),
  ],
  ReduceSum: unary((x) => reduceSum(x, { axes: [1] })),
  ReduceMean: unary((x) => reduceMean(x)),
  ReduceMax: unary((x) => reduceMax(x, { axes: [0], keepdims: true })),
  ReduceLogSumExp: unary((x) => reduceLogSumExp(x, { axes: [1] })),
  Softmax: unary((x) => softmax(x, 0)),
  LogSoftmax: unary((x) => logSoftmax(x, 1)),
  SoftmaxCrossEntropyLoss: [
    sample([[3, 4]], (x) => softmaxCrossEntropyLoss(x, labels).loss),
    sample(
      [[3, 4], [4]],
      (x, weights) =>
        softmaxCrossEntropyLoss(x, labels, {
          weights,
          ignoreIndex: 3,
          reduction: "sum",
        }).loss,
    ),
    sample(
      [[3, 4], [4]],
      (x, weights) => softmaxCrossEntropyLoss(x, labels, { weights, ignoreIndex: 3 }).loss,
    ),
    sample([[3, 4]], (x) => softmaxCrossEntropyLoss(x, labels, { ignoreIndex: 1, reduction: "none" }).loss),
  ],
  NegativeLogLikelihoodLoss: [
    sample([[3, 4]], (x) => negativeLogLikelihoodLoss(logSoftmax(x, 1), labels)),
    sample([[3, 4], [4]], (x, weights) =>
      negativeLogLikelihoodLoss(x, labels, { weights, ignoreIndex: 3, reduction: "none" }),
    ),
  ],
  OneHot: unary((x) => mul(x, oneHot(labels, 4, x.dtype))),
  Gather: unary((x) => gather(x, indices([2, 2], [3, 0, 3, 3]), 1)),
  GatherElements: unary((x) => gatherElements(x, indices([3, 2], [3, 0, 1, 1, 2, 0]), 1)),
  ScatterElements: [
    sample(
      [
        [3, 4],
        [3, 1],
      ],
      (x, updates) => scatterElements(x, reshape(labels, [3, 1]), updates, 1),
    ),
    sample(
      [
        [2, 4],
        [2, 2],
      ],
      (x, updates) => scatterElements(x, indices([2, 2], [0, 0, 3, 1]), updates, 1, "add"),
    ),
  ],
  Reshape: unary((x) => reshape(x, [2, 6])),
  Flatten: [sample([[2, 3, 4]], (x) => flatten(x, 2))],
  Squeeze: [sample([[2, 1, 3, 1]], (x) => squeeze(x, [1, 3]))],
  Unsqueeze: unary((x) => unsqueeze(x, [0, 2])),
  Transpose: [sample([[2, 3, 4]], (x) => transpose(x, [2, 0, 1]))],
  Expand: [sample([[3, 1]], (x) => expand(x, [2, 3, 4]))],
  Cast: unary((x) => cast(cast(x, "float64"), x.dtype === "float64" ? "float32" : "float64")),
  Concat: [
    sample(
      [
        [2, 3],
        [2, 1],
      ],
      (a, b) => concat([a, b, a], 1),
    ),
  ],
  Split: unary((x) => concat([...split(x, [1, 3], 1)].reverse(), 1)),
  Slice: unary((x) => slice(x, 1, 0, 4, 3)),
  Pad: unary((x) => pad(x, [1, 0, 0, 2], 5)),
};
