import {
  abs,
  add,
  apply,
  averagePool,
  batchNormalization,
  batchNormalizationInTraining,
  clip,
  concat,
  constant,
  conv,
  convTranspose,
  cumSum,
  differentiate,
  erf,
  evaluate,
  flatten,
  floor,
  type Graph,
  GraphError,
  gather,
  gelu,
  gemm,
  globalAveragePool,
  greater,
  identity,
  indices,
  input,
  layerNormalization,
  leakyRelu,
  less,
  matMul,
  max,
  maxPool,
  min,
  mod,
  mul,
  negativeLogLikelihoodLoss,
  pad,
  pow,
  range,
  reduceLogSumExp,
  reduceMin,
  reduceProd,
  reduceSum,
  relu,
  reshape,
  round,
  scalar,
  sigmoid,
  slice,
  softmaxCrossEntropyLoss,
  softplus,
  split,
  sqrt,
  squeeze,
  type Tensor,
  tanh,
  tensor,
  topK,
  transpose,
  transposeMatrices,
  unsqueeze,
  type Value,
  where,
} from "@softmax-bench/graph";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { weighted } from "./support.js";

const numbersOf = (value: Tensor | undefined): number[] =>
  Array.from(value?.data ?? new Float64Array(0), Number);

/** Multiples of 2^-10, none of them near another but by chance. */
const number = fc.integer({ min: -2048, max: 2048 }).map((value) => value / 1024);
const ranked = (count: number) => Array.from({ length: count }, (_, index) => (index - count / 2) / 16);
const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** An operator on inputs of some shapes; inputs keep away from where it is not smooth. */
interface Case {
  readonly shapes: readonly (readonly number[])[];
  readonly make: (...inputs: Value[]) => Value;
  /** Elements are all different, as a choice among them needs. */
  readonly distinct?: boolean;
  /** True if the operator is smooth at these elements. */
  readonly smooth?: (...values: number[]) => boolean;
}

const away = (x: number, from = 0) => Math.abs(x - from) > 0.01;

const CASES: Record<string, Case> = {
  Sqrt: { shapes: [[2, 3]], make: (x) => sqrt(add(mul(x, x), scalar(0.5, "float64"))) },
  Abs: { shapes: [[5]], make: (x) => abs(x), smooth: (x) => away(x) },
  ...Object.fromEntries(
    ["Sin", "Cos", "Atan", "Sinh", "Cosh", "Asinh", "Softplus"].map((op) => [
      op,
      { shapes: [[2, 3]], make: (x: Value) => apply(op, [x]) },
    ]),
  ),
  ...Object.fromEntries(
    ["Tan", "Asin", "Acos", "Atanh"].map((op) => [
      op,
      { shapes: [[2, 3]], make: (x: Value) => apply(op, [mul(x, scalar(0.4, "float64"))]) },
    ]),
  ),
  Acosh: { shapes: [[4]], make: (x) => apply("Acosh", [add(mul(x, x), scalar(1.5, "float64"))]) },
  "Floor and Round": {
    shapes: [[5]],
    make: (x) => mul(x, add(floor(x), round(x))),
    smooth: (x) => away(2 * x, Math.round(2 * x)),
  },
  Mod: {
    shapes: [[2, 3]],
    make: (a) => mod(a, scalar(0.75, "float64")),
    smooth: (a) => away(a / 0.75, Math.round(a / 0.75)),
  },
  "Mod by a variable": {
    shapes: [[3]],
    make: (b) => mod(scalar(-7.3, "float64"), add(scalar(3, "float64"), mul(b, scalar(0.1, "float64")))),
  },
  "CumSum, backwards and without itself": {
    shapes: [[2, 3]],
    make: (x) => add(cumSum(x, 1), cumSum(x, 0, { exclusive: true, reverse: true })),
  },
  TopK: { shapes: [[2, 5]], make: (x) => topK(x, 3, 1).values, distinct: true },
  "TopK of the smallest": {
    shapes: [[4, 2]],
    make: (x) => topK(x, 2, 0, { largest: false }).values,
    distinct: true,
  },
  ReduceMin: { shapes: [[3, 4]], make: (x) => reduceMin(x, { axes: [0] }), distinct: true },
  ReduceProd: { shapes: [[3, 3]], make: (x) => reduceProd(x, { axes: [1], keepdims: true }) },
  "ReduceProd with zeros": {
    shapes: [[3, 3]],
    make: (x) =>
      reduceProd(mul(x, constant(tensor("float64", [3, 3], [1, 1, 1, 1, 0, 1, 0, 1, 0]))), { axes: [1] }),
  },
  Identity: { shapes: [[3]], make: (x) => identity(x) },
  Relu: { shapes: [[2, 4]], make: (x) => relu(x), smooth: (x) => away(x) },
  LeakyRelu: { shapes: [[6]], make: (x) => leakyRelu(x, 0.2), smooth: (x) => away(x) },
  Sigmoid: { shapes: [[2, 2]], make: (x) => sigmoid(x) },
  Tanh: { shapes: [[3]], make: (x) => tanh(x) },
  Erf: { shapes: [[4]], make: (x) => erf(x) },
  "Gelu, expanded": { shapes: [[4]], make: (x) => gelu(x) },
  Clip: { shapes: [[6]], make: (x) => clip(x, -1, 0.5), smooth: (x) => away(x, -1) && away(x, 0.5) },
  "Pow of a positive base": {
    shapes: [[2, 3], [3]],
    make: (a, b) => pow(add(mul(a, a), scalar(0.5, "float64")), b),
  },
  "Pow by a whole number": {
    shapes: [[4]],
    make: (a) => pow(a, scalar(3, "float64")),
    smooth: (x) => away(x),
  },
  "Max, broadcast": { shapes: [[2, 3], [3]], make: (a, b) => max(a, b), smooth: (...all) => distinct(all) },
  "Min, broadcast": {
    shapes: [[3], [2, 1, 3]],
    make: (a, b) => min(a, b),
    smooth: (...all) => distinct(all),
  },
  "Where, broadcast": {
    shapes: [[2, 3], [3]],
    make: (a, b) => where(greater(constant(tensor("float64", [2, 1], [1, -1])), scalar(0, "float64")), a, b),
  },
  MatMul: {
    shapes: [
      [2, 3],
      [3, 4],
    ],
    make: (a, b) => matMul(a, b),
  },
  "MatMul, batched": {
    shapes: [
      [2, 2, 3],
      [2, 3, 2],
    ],
    make: (a, b) => matMul(a, b),
  },
  "MatMul, batches broadcast": {
    shapes: [
      [2, 1, 2, 3],
      [3, 3, 1],
    ],
    make: (a, b) => matMul(a, b),
  },
  ...Object.fromEntries(
    [false, true].flatMap((transA) =>
      [false, true].map((transB) => [
        `Gemm, ${transA ? "Aᵀ" : "A"} ${transB ? "Bᵀ" : "B"}`,
        {
          shapes: [transA ? [3, 2] : [2, 3], transB ? [4, 3] : [3, 4], [4]],
          make: (a, b, c) => gemm(a as Value, b as Value, c, { alpha: 0.5, beta: -2, transA, transB }),
        } satisfies Case,
      ]),
    ),
  ),
  "Gemm, no C": {
    shapes: [
      [2, 3],
      [3, 2],
    ],
    make: (a, b) => gemm(a, b, undefined),
  },
  "ReduceLogSumExp, keeping the axis": {
    shapes: [[3, 4]],
    make: (x) => reduceLogSumExp(x, { axes: [1], keepdims: true }),
  },
  "ReduceLogSumExp over everything": { shapes: [[2, 3]], make: (x) => reduceLogSumExp(x) },
  Transpose: { shapes: [[2, 3, 4]], make: (x) => transpose(x, [1, 2, 0]) },
  "Transpose of matrices": { shapes: [[2, 3, 4]], make: (x) => transposeMatrices(x) },
  Squeeze: { shapes: [[1, 3, 1]], make: (x) => squeeze(x, [0, 2]) },
  Unsqueeze: { shapes: [[2, 3]], make: (x) => unsqueeze(x, [0, 2]) },
  Flatten: { shapes: [[2, 3, 2]], make: (x) => flatten(x) },
  Concat: {
    shapes: [
      [2, 1],
      [2, 3],
      [2, 2],
    ],
    make: (...xs) => concat(xs, 1),
  },
  "Split, one piece of it": { shapes: [[2, 6]], make: (x) => split(x, [1, 3, 2], 1)[1] as Value },
  "Split, all pieces": { shapes: [[4]], make: (x) => add(...(split(x, [2, 2], 0) as [Value, Value])) },
  Slice: { shapes: [[5, 2]], make: (x) => slice(x, 0, 1, 4) },
  "Slice with a step": { shapes: [[2, 8]], make: (x) => slice(x, 1, 1, 8, 3) },
  "Slice of nothing": { shapes: [[2, 3]], make: (x) => add(reduceSum(slice(x, 1, 1, 1)), reduceSum(x)) },
  Pad: { shapes: [[2, 2]], make: (x) => pad(x, [1, 0, 0, 2], 7) },
  "Gather, repeated indices": {
    shapes: [[2, 4, 2]],
    make: (x) => gather(x, indices([2, 2], [3, 0, 3, 3]), 1),
  },
  ...windowCases(),
  "BatchNormalization, inference": {
    shapes: [[2, 3, 4], [3], [3], [3], [3]],
    make: (x, scale, offset, mean, v) =>
      batchNormalization(x, { scale, offset, mean, variance: add(mul(v, v), scalar(0.5, "float64")) }, 1e-3),
  },
  "BatchNormalization, training, all outputs": {
    shapes: [[3, 2, 2, 2], [2], [2], [2], [2]],
    make: (x, scale, offset, mean, variance) => {
      const trained = batchNormalizationInTraining(x, { scale, offset, mean, variance }, { epsilon: 0.1 });
      return concat([flatten(trained.y, 0), unsqueeze(concat([trained.mean, trained.variance], 0), [0])], 1);
    },
  },
  LayerNormalization: {
    shapes: [[2, 5], [5], [5]],
    make: (x, scale, offset) => layerNormalization(x, scale, offset, { epsilon: 0.1 }),
  },
  "LayerNormalization over two axes, no offset": {
    shapes: [
      [2, 3, 2],
      [3, 2],
    ],
    make: (x, scale) => layerNormalization(x, scale, undefined, { axis: 1, epsilon: 0.1 }),
  },
  "SoftmaxCrossEntropyLoss, both outputs": {
    shapes: [[4, 3], [3]],
    make: (x, weights) => {
      const { loss, logProb } = softmaxCrossEntropyLoss(x, indices([4], [2, 0, -1, 2]), {
        weights: add(mul(weights, weights), scalar(0.5, "float64")),
        ignoreIndex: -1,
      });
      return mul(loss, logProb);
    },
  },
  "SoftmaxCrossEntropyLoss per row": {
    shapes: [[2, 3]],
    make: (x) => softmaxCrossEntropyLoss(x, indices([2], [2, 0]), { reduction: "none" }).loss,
  },
  "NegativeLogLikelihoodLoss, weighted, ignoring": {
    shapes: [[4, 3], [3]],
    make: (x, weights) =>
      negativeLogLikelihoodLoss(x, indices([4], [2, 0, -1, 2]), {
        weights: add(mul(weights, weights), scalar(0.5, "float64")),
        ignoreIndex: -1,
      }),
  },
  "NegativeLogLikelihoodLoss per row": {
    shapes: [[2, 3]],
    make: (x) => negativeLogLikelihoodLoss(x, indices([2], [2, 0]), { reduction: "none" }),
  },
  "one value for two inputs of a composite": {
    shapes: [[2, 2]],
    make: (x) => layerNormalization(x, slice(reshape(x, [4]), 0, 0, 2), slice(reshape(x, [4]), 0, 0, 2)),
  },
  "one value used twice": { shapes: [[2, 2]], make: (x) => matMul(x, transposeMatrices(x)) },
};

/** Convolutions and pools with everything that a window can have. */
function windowCases(): Record<string, Case> {
  return {
    Conv: { shapes: [[2, 3, 5, 4], [2, 3, 3, 2], [2]], make: (x, w, b) => conv(x, w, b) },
    "Conv, groups, strides, pads, dilations": {
      shapes: [
        [2, 4, 7, 6],
        [6, 2, 3, 2],
      ],
      make: (x, w) =>
        conv(x, w, undefined, { strides: [2, 3], pads: [1, 0, 2, 1], dilations: [1, 2], group: 2 }),
    },
    "Conv, 1-D, windows that leave elements out": {
      shapes: [[2, 2, 9], [3, 2, 2], [3]],
      make: (x, w, b) => conv(x, w, b, { strides: [3], pads: [0, 1], dilations: [2] }),
    },
    "Conv, one channel per group": {
      shapes: [
        [1, 3, 4, 4],
        [3, 1, 2, 2],
      ],
      make: (x, w) => conv(x, w, undefined, { group: 3 }),
    },
    "Conv, 3-D": {
      shapes: [[2, 2, 3, 4, 3], [4, 1, 2, 2, 2], [4]],
      make: (x, w, b) =>
        conv(x, w, b, { strides: [1, 2, 1], pads: [1, 0, 0, 0, 1, 2], dilations: [2, 1, 1], group: 2 }),
    },
    "Conv, 4-D": {
      shapes: [
        [1, 1, 2, 3, 2, 3],
        [2, 1, 2, 2, 1, 2],
      ],
      make: (x, w) => conv(x, w, undefined, { strides: [1, 1, 2, 1] }),
    },
    ConvTranspose: {
      shapes: [[2, 3, 3, 2], [3, 2, 2, 3], [2]],
      make: (x, w, b) => convTranspose(x, w, b),
    },
    "ConvTranspose, groups, strides, pads, dilations, output padding": {
      shapes: [
        [2, 4, 3, 3],
        [4, 1, 3, 2],
      ],
      make: (x, w) =>
        convTranspose(x, w, undefined, {
          strides: [2, 3],
          pads: [1, 0, 0, 2],
          dilations: [1, 2],
          group: 2,
          outputPadding: [1, 2],
        }),
    },
    "ConvTranspose, 1-D, pads beyond the filter": {
      shapes: [
        [1, 2, 5],
        [2, 2, 2],
      ],
      make: (x, w) => convTranspose(x, w, undefined, { pads: [2, 3] }),
    },
    "ConvTranspose, 3-D": {
      shapes: [[1, 4, 2, 3, 2], [4, 1, 2, 2, 2], [2]],
      make: (x, w, b) =>
        convTranspose(x, w, b, {
          strides: [1, 2, 3],
          pads: [0, 1, 0, 1, 0, 2],
          dilations: [2, 1, 1],
          group: 2,
          outputPadding: [0, 1, 1],
        }),
    },
    MaxPool: {
      shapes: [[2, 2, 4, 4]],
      make: (x) => maxPool(x, [2, 2], { strides: [2, 2] }),
      distinct: true,
    },
    "MaxPool, overlapping, padded, dilated": {
      shapes: [[1, 2, 5, 4]],
      make: (x) => maxPool(x, [3, 2], { strides: [1, 2], pads: [1, 0, 2, 1], dilations: [2, 1] }),
      distinct: true,
    },
    "MaxPool, 1-D": {
      shapes: [[2, 1, 7]],
      make: (x) => maxPool(x, [3], { strides: [2] }),
      distinct: true,
    },
    "MaxPool, 3-D": {
      shapes: [[1, 1, 3, 4, 3]],
      make: (x) =>
        maxPool(x, [2, 2, 2], { strides: [1, 2, 2], pads: [1, 0, 0, 0, 1, 1], dilations: [2, 1, 1] }),
      distinct: true,
    },
    AveragePool: {
      shapes: [[2, 2, 5, 4]],
      make: (x) => averagePool(x, [3, 2], { strides: [2, 1], pads: [1, 0, 1, 1] }),
    },
    "AveragePool, counting pads": {
      shapes: [[1, 2, 6]],
      make: (x) => averagePool(x, [3], { strides: [2], pads: [1, 2], countIncludePad: true }),
    },
    "AveragePool, dilated": {
      shapes: [[1, 2, 6, 5]],
      make: (x) => averagePool(x, [3, 2], { dilations: [2, 3], pads: [1, 0, 1, 1], strides: [1, 2] }),
    },
    "AveragePool, 3-D": {
      shapes: [[1, 2, 3, 4, 3]],
      make: (x) => averagePool(x, [2, 3, 2], { strides: [1, 2, 1], pads: [1, 0, 0, 0, 2, 1] }),
    },
    GlobalAveragePool: { shapes: [[2, 3, 2, 4]], make: (x) => globalAveragePool(x) },
    "GlobalAveragePool, 3-D": { shapes: [[2, 2, 2, 3, 2]], make: (x) => globalAveragePool(x) },
  };
}

function distinct(values: readonly number[]): boolean {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted.every((value, index) => index === 0 || value - (sorted[index - 1] as number) > 0.01);
}

describe.each(Object.entries(CASES))("%s", (_, { shapes, make, distinct: apart, smooth = () => true }) => {
  const inputs = shapes.map((shape, position) => input(`x${position}`, "float64", shape));
  const result = weighted(make(...inputs));
  const gradients = differentiate(result, inputs);
  const graph = { name: "t", inputs, outputs: { result, ...Object.fromEntries(gradients.entries()) } };
  const forward = { ...graph, outputs: { result } };
  const feeds = fc
    .tuple(
      ...shapes.map((shape) =>
        apart
          ? fc.shuffledSubarray(ranked(size(shape)), { minLength: size(shape) })
          : fc.array(number, { minLength: size(shape), maxLength: size(shape) }),
      ),
    )
    .filter((values) =>
      values.length > 1 ? smooth(...values.flat()) : values.every((of) => of.every((x) => smooth(x))),
    );
  const at = (values: readonly (readonly number[])[], of: Graph = graph) =>
    evaluate(
      of,
      Object.fromEntries(
        values.map((of, position) => [`x${position}`, tensor("float64", shapes[position] as number[], of)]),
      ),
    );

  it("has the gradient that central differences have", () => {
    fc.assert(
      fc.property(feeds, (values) => {
        const computed = at(values);
        const step = 1e-5;
        for (const [position, of] of values.entries()) {
          for (const [index, x] of of.entries()) {
            const moved = (by: number) => {
              const next = values.map((array) => [...array]);
              (next[position] as number[])[index] = x + by;
              return Number(at(next, forward).result?.data[0]);
            };
            const expected = (moved(step) - moved(-step)) / (2 * step);
            const actual = Number(computed[String(position)]?.data[index]);
            expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(expected)));
          }
        }
      }),
      { numRuns: 10, seed: 5 },
    );
  });

  it("has a gradient that can be differentiated, as central differences say", () => {
    const [first] = gradients as [Value];
    const x = inputs[0] as Value;
    const squared = reduceSum(mul(first, first));
    const [second] = differentiate(squared, [x]) as [Value];
    const twice = { name: "t", inputs, outputs: { squared, second } };
    fc.assert(
      fc.property(feeds, fc.nat(), (values, chosen) => {
        const of = values[0] as readonly number[];
        const index = chosen % of.length;
        const moved = (by: number) => {
          const next = values.map((array) => [...array]);
          (next[0] as number[])[index] = (of[index] as number) + by;
          return at(next, twice);
        };
        const step = 1e-5;
        const [more, less] = [moved(step), moved(-step)].map(({ squared: y }) => Number(y?.data[0]));
        const expected = ((more as number) - (less as number)) / (2 * step);
        const { second: slopes, squared: y } = at(values, twice);
        const scale = Math.max(1, Math.abs(expected), Number(y?.data[0]));
        expect(Math.abs(Number(slopes?.data[index]) - expected)).toBeLessThanOrEqual(1e-5 * scale);
      }),
      { numRuns: 10, seed: 6 },
    );
  });
});

describe("conventions where an operator is not smooth", () => {
  const gradientAt = (make: (x: Value) => Value, values: readonly number[]) => {
    const x = input("x", "float64", [values.length]);
    const [gradient] = differentiate(reduceSum(make(x)), [x]) as [Value];
    const feeds = { x: tensor("float64", [values.length], values) };
    return numbersOf(evaluate({ name: "t", inputs: [x], outputs: { gradient } }, feeds).gradient);
  };
  const zero = scalar(0, "float64");

  it.each<[string, (x: Value) => Value, number[], number[]]>([
    ["Abs and Relu at 0: 0", (x) => add(abs(x), relu(x)), [0], [0]],
    ["LeakyRelu at 0: alpha", (x) => leakyRelu(x, 0.25), [0], [0.25]],
    ["Clip at its limits: 1", (x) => clip(x, -1, 1), [-1, 1, 2], [1, 1, 0]],
    [
      "Max and Min of equals: half to each",
      (x) => add(max(x, zero), mul(min(x, zero), scalar(3, "float64"))),
      [0],
      [2],
    ],
    ["Pow by 0 at 0: 0", (x) => pow(x, zero), [0], [0]],
    ["Pow of a negative base by 2", (x) => pow(x, scalar(2, "float64")), [-3], [-6]],
  ])("%s", (_, make, values, expected) => {
    expect(gradientAt(make, values)).toEqual(expected);
  });

  it("the exponent of a base that is not positive has gradient 0", () => {
    const b = input("b", "float64", [2]);
    const [gradient] = differentiate(reduceSum(pow(constant(tensor("float64", [2], [0, -2])), b)), [b]) as [
      Value,
    ];
    const feeds = { b: tensor("float64", [2], [2, 2]) };
    expect(numbersOf(evaluate({ name: "t", inputs: [b], outputs: { gradient } }, feeds).gradient)).toEqual([
      0, 0,
    ]);
  });
});

describe("what operators refuse, naming the node", () => {
  const x = input("x", "float32", [2, 3]);
  it.each<[string, () => unknown, string]>([
    ["MatMul of vectors", () => matMul(x, input("v", "float32", [3])), "takes operands of rank 2 or more"],
    ["MatMul of other sizes", () => matMul(x, x), "inner sizes 3 and 2 differ"],
    ["Gemm of tensors", () => gemm(input("t", "float32", [1, 2, 3]), x, undefined), "takes matrices"],
    ["Transpose by no order", () => transpose(x, [0, 0]), "[0,0] is not an order of the axes of [2,3]"],
    ["Squeeze of a larger axis", () => squeeze(x, [1]), "axis 1 of [2,3] is not of size 1"],
    ["Unsqueeze outside", () => unsqueeze(x, [4]), "not distinct axes of a result of rank 3"],
    ["Concat of other sizes", () => concat([x, transpose(x)], 0), "agree in dtype and in all axes but 0"],
    ["Split into other sizes", () => split(x, [1, 1], 1), "sizes [1,1] do not sum to 3"],
    ["Slice outside", () => slice(x, 1, 0, 4), "range 0:4:1 is outside axis 1"],
    ["Pad by fewer", () => pad(x, [-1, 0, 0, 0]), "pads must be 4 numbers of 0 or more"],
    [
      "Conv without a spatial axis",
      () => conv(x, x),
      "takes [N, C, L], [N, C, H, W] or more axes, got [2,3]",
    ],
    ["Where on numbers", () => where(x, x, x), "the condition must be bool"],
    ["Gather by floats", () => gather(x, x, 0), "indices must be integers"],
    ["Less of two dtypes", () => less(x, input("d", "float64", [2, 3])), "one dtype"],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(GraphError);
    expect(make).toThrow(message);
  });
});

describe("Erf", () => {
  // Abramowitz and Stegun, table 7.1, with more digits.
  it.each([
    [0, 0],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2, 0.9953222650189527],
    [-3, -0.9999779095030014],
    [5, 0.9999999999984626],
    [7, 1],
  ])("of %d is %d", (x, expected) => {
    const value = evaluate(
      { name: "t", inputs: [], outputs: { y: erf(constant(tensor("float64", [], [x]))) } },
      {},
    ).y;
    expect(Number(value?.data[0])).toBeCloseTo(expected, 14);
  });
});

describe("operators at their edges", () => {
  const evaluated = (value: Value) =>
    numbersOf(evaluate({ name: "edge", inputs: [], outputs: { value } }, {}).value);
  const of = (...values: number[]) => constant(tensor("float64", [values.length], values));
  const gradientAt = (make: (x: Value) => Value, ...values: number[]) => {
    const x = input("x", "float64", [values.length]);
    const [gradient] = differentiate(reduceSum(make(x)), [x]);
    const graph: Graph = { name: "edge", inputs: [x], outputs: { gradient: gradient as Value } };
    return numbersOf(evaluate(graph, { x: tensor("float64", [values.length], values) }).gradient);
  };

  // NumPy: np.rint([0.5, 1.5, 2.5, -0.5, -1.5, 2**52 + 1]).
  it("Round takes halves to the even neighbour", () => {
    expect(evaluated(round(of(0.5, 1.5, 2.5, -1.5, 2 ** 52 + 1)))).toEqual([0, 2, 2, -2, 2 ** 52 + 1]);
  });

  it("ReduceProd gives a single 0 the product of the others, and several none", () => {
    const product = (x: Value) => reduceProd(x);
    expect(gradientAt(product, 2, 0, 3)).toEqual([0, 6, 0]);
    expect(gradientAt(product, 0, 5, 0)).toEqual([0, 0, 0]);
  });

  it("ReduceMin shares its gradient among equal elements", () => {
    expect(gradientAt((x) => reduceMin(x), 1, 3, 1)).toEqual([0.5, 0, 0.5]);
  });

  it("Softplus neither overflows nor cancels", () => {
    expect(evaluated(softplus(of(1000, -1000, -40)))).toEqual([1000, 0, Math.exp(-40)]);
    expect(gradientAt(softplus, 0, 1000, -1000)).toEqual([0.5, 1, 0]);
  });

  it("TopK puts NaN first, and keeps equal elements in order", () => {
    const { positions } = topK(of(1, Number.NaN, 2, 2), 4, 0);
    expect(evaluated(positions)).toEqual([1, 2, 3, 0]);
  });

  it("Range is empty where its limit lies behind its start, and refuses no step", () => {
    expect(evaluated(range(3, 3, 1, "int64"))).toEqual([]);
    expect(evaluated(range(3, 0, 1, "int64"))).toEqual([]);
    expect(() => range(0, 3, 0, "int64")).toThrow("a range from 0 to 3 by 0 has no length");
  });

  it("the gradient of repeated positions adds up", () => {
    expect(gradientAt((x) => gather(x, indices([3], [2, 0, 2]), 0), 1, 1, 1)).toEqual([1, 0, 2]);
  });
});
