import { evaluate, isFloat, legalize, optimize, type Shape, sizeOf, tensor } from "@softmax-bench/graph";
import { ONNXRUNTIME_CPU, parseModel } from "@softmax-bench/onnx";
import { describe, expect, it } from "vitest";
import {
  attribute,
  BOOL,
  DOUBLE,
  floats,
  INT64,
  ints,
  modelOf,
  type NodeInit,
  type TensorInit,
} from "./build-model.js";
import { expectClose, numbers, runInRuntime, runModel } from "./support.js";

interface Case {
  readonly shape?: Shape;
  readonly opset?: number;
  readonly tensors?: readonly TensorInit[];
  readonly nodes: readonly NodeInit[];
}

/** A node that makes `y`. */
const node = (
  opType: string,
  input: string[],
  attributes: Readonly<Record<string, Parameters<typeof attribute>[1]>> = {},
  output: string[] = ["y"],
): NodeInit => ({
  opType,
  name: `make ${output[0]}`,
  input,
  output,
  attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
});
/** `i`: the numbers of x times 3, as integers. */
const integersFrom = (x: string, to: number): NodeInit[] => [
  node("Constant", [], { value_float: { float: 3 } }, ["three"]),
  node("Mul", [x, "three"], {}, ["scaled"]),
  node("Cast", ["scaled"], { to }, ["i"]),
];
const image = [2, 2, 5, 6];
const filter = floats("w", [4, 2, 3, 3], numbers(72));

/** Spellings that this project does not write, but others do. */
const CASES: Readonly<Record<string, Case>> = {
  "ReduceMean with axes as an attribute": { opset: 13, nodes: [node("ReduceMean", ["x"], { axes: [-1] })] },
  "ReduceMean with axes as an input": {
    opset: 18,
    tensors: [ints("a", [-2])],
    nodes: [node("ReduceMean", ["x", "a"], { keepdims: 0 })],
  },
  "ReduceMax over everything": { nodes: [node("ReduceMax", ["x"])] },
  "ReduceSum over nothing": {
    tensors: [ints("a", [])],
    nodes: [node("ReduceSum", ["x", "a"], { noop_with_empty_axes: 1 })],
  },
  ReduceLogSumExp: { nodes: [node("ReduceLogSumExp", ["x"], { axes: [0], keepdims: 0 })] },
  "Softmax along its default axis": { shape: [2, 3, 4], nodes: [node("Softmax", ["x"])] },
  "LogSoftmax along a negative axis": { nodes: [node("LogSoftmax", ["x"], { axis: -2 })] },
  "Squeeze of all axes of size 1": { shape: [1, 3, 1], nodes: [node("Squeeze", ["x"])] },
  "Squeeze and Unsqueeze by negative axes": {
    shape: [2, 1, 3],
    tensors: [ints("a", [-2]), ints("b", [-1, 0])],
    nodes: [node("Squeeze", ["x", "a"], {}, ["s"]), node("Unsqueeze", ["s", "b"])],
  },
  "Reshape with 0 and −1": {
    shape: [2, 3, 4],
    tensors: [ints("s", [0, -1])],
    nodes: [node("Reshape", ["x", "s"])],
  },
  "Reshape to a shape that is computed": {
    shape: [2, 3, 4],
    tensors: [ints("one", [-1])],
    nodes: [
      node("Shape", ["x"], { start: 0, end: 1 }, ["n"]),
      node("Concat", ["n", "one"], { axis: 0 }, ["s"]),
      node("Reshape", ["x", "s"]),
    ],
  },
  "Expand both ways": { shape: [3, 1], tensors: [ints("s", [2, 1, 4])], nodes: [node("Expand", ["x", "s"])] },
  "Flatten at a negative axis": { shape: [2, 3, 4], nodes: [node("Flatten", ["x"], { axis: -1 })] },
  "Transpose by default": { shape: [2, 3, 4], nodes: [node("Transpose", ["x"])] },
  "Slice from both ends": {
    shape: [4, 7],
    tensors: [ints("s", [1, -5]), ints("e", [9, -1]), ints("a", [0, -1]), ints("t", [2, 1])],
    nodes: [node("Slice", ["x", "s", "e", "a", "t"])],
  },
  "Slice backwards": {
    shape: [4, 7],
    tensors: [ints("s", [-1]), ints("e", [-100]), ints("a", [1]), ints("t", [-2])],
    nodes: [node("Slice", ["x", "s", "e", "a", "t"])],
  },
  "Slice along the first axes": {
    shape: [4, 7],
    tensors: [ints("s", [1]), ints("e", [3])],
    nodes: [node("Slice", ["x", "s", "e"])],
  },
  "Split into equal parts": { shape: [6, 2], nodes: [node("Split", ["x"], {}, ["y", "z", "v"])] },
  "Split into num_outputs": {
    shape: [7, 2],
    opset: 18,
    nodes: [node("Split", ["x"], { num_outputs: 3 }, ["z", "v", "y"])],
  },
  "Pad of some axes": {
    opset: 18,
    tensors: [ints("p", [1, 2]), floats("v", [], [7]), ints("a", [-1])],
    nodes: [node("Pad", ["x", "p", "v", "a"], { mode: "constant" })],
  },
  "Concat along a negative axis": { nodes: [node("Concat", ["x", "x"], { axis: -1 })] },
  "Clip without a lower limit": { tensors: [floats("h", [], [1])], nodes: [node("Clip", ["x", "", "h"])] },
  "Max of three, Min of one, Sum of three": {
    tensors: [floats("w", [3], [0.5, 1, 1.5])],
    nodes: [
      node("Max", ["x", "w", "x"], {}, ["a"]),
      node("Min", ["a"], {}, ["b"]),
      node("Sum", ["a", "b", "w"]),
    ],
  },
  "Pow by an integer": { tensors: [ints("two", [2])], nodes: [node("Pow", ["x", "two"])] },
  "Gelu by tanh": { opset: 20, nodes: [node("Gelu", ["x"], { approximate: "tanh" })] },
  "Gelu by erf": { opset: 20, nodes: [node("Gelu", ["x"])] },
  "Dropout without training": { tensors: [floats("r", [], [0.5])], nodes: [node("Dropout", ["x", "r"])] },
  "MatMul with a vector on the right": {
    tensors: [floats("w", [3], [1, 2, 3])],
    nodes: [node("MatMul", ["x", "w"])],
  },
  "MatMul with a vector on the left": {
    shape: [3],
    tensors: [floats("w", [3, 2], numbers(6))],
    nodes: [node("MatMul", ["x", "w"])],
  },
  "Gemm with a scalar added": {
    tensors: [floats("w", [4, 3], numbers(12)), floats("c", [], [2])],
    nodes: [node("Gemm", ["x", "w", "c"], { transB: 1, alpha: { float: 0.5 } })],
  },
  "Conv with auto_pad SAME_UPPER": {
    shape: image,
    tensors: [filter],
    nodes: [node("Conv", ["x", "w"], { auto_pad: "SAME_UPPER", strides: [2, 2] })],
  },
  "Conv with auto_pad SAME_LOWER": {
    shape: image,
    tensors: [filter],
    nodes: [node("Conv", ["x", "w"], { auto_pad: "SAME_LOWER", kernel_shape: [3, 3], strides: [2, 1] })],
  },
  "Conv with auto_pad VALID": {
    shape: image,
    tensors: [filter],
    nodes: [node("Conv", ["x", "w"], { auto_pad: "VALID" })],
  },
  "Conv over three axes with auto_pad": {
    shape: [1, 2, 3, 5, 4],
    tensors: [floats("w", [4, 1, 2, 3, 2], numbers(48))],
    nodes: [node("Conv", ["x", "w"], { auto_pad: "SAME_UPPER", strides: [1, 2, 3], group: 2 })],
  },
  "ConvTranspose over three axes to a given shape": {
    shape: [1, 2, 2, 3, 2],
    tensors: [floats("w", [2, 2, 2, 3, 2], numbers(48))],
    nodes: [node("ConvTranspose", ["x", "w"], { output_shape: [3, 6, 4], strides: [1, 2, 2] })],
  },
  "MaxPool over three axes in ceil mode": {
    shape: [1, 2, 3, 5, 4],
    nodes: [node("MaxPool", ["x"], { kernel_shape: [2, 2, 3], strides: [2, 2, 2], ceil_mode: 1 })],
  },
  "AveragePool over three axes": {
    shape: [1, 2, 3, 5, 4],
    nodes: [node("AveragePool", ["x"], { kernel_shape: [2, 3, 2], pads: [1, 0, 0, 0, 1, 1] })],
  },
  "MaxPool in ceil mode": {
    shape: image,
    nodes: [node("MaxPool", ["x"], { kernel_shape: [2, 3], strides: [2, 2], ceil_mode: 1 })],
  },
  "MaxPool in ceil mode, its last window in the pads": {
    shape: [1, 1, 5, 5],
    nodes: [
      node("MaxPool", ["x"], { kernel_shape: [2, 2], strides: [3, 3], pads: [1, 1, 1, 1], ceil_mode: 1 }),
    ],
  },
  "MaxPool with positions by columns": {
    shape: [2, 2, 3, 5, 4],
    nodes: [
      node(
        "MaxPool",
        ["x"],
        { kernel_shape: [2, 2, 2], strides: [1, 2, 1], pads: [0, 1, 0, 0, 0, 1], storage_order: 1 },
        ["largest", "made"],
      ),
      node("Cast", ["made"], { to: 1 }),
    ],
  },
  ...Object.fromEntries(
    [11, 19].map((opset): [string, Case] => [
      `AveragePool ${opset} that counts pads, in ceil mode`,
      {
        opset,
        shape: [1, 2, 6, 7],
        nodes: [
          node("AveragePool", ["x"], {
            kernel_shape: [3, 4],
            strides: [2, 3],
            pads: [1, 0, 0, 2],
            ceil_mode: 1,
            count_include_pad: 1,
          }),
        ],
      },
    ]),
  ),
  "AveragePool in ceil mode": {
    shape: image,
    nodes: [node("AveragePool", ["x"], { kernel_shape: [3, 2], strides: [2, 2], ceil_mode: 1 })],
  },
  "AveragePool counting pads": {
    shape: image,
    nodes: [node("AveragePool", ["x"], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 })],
  },
  "LayerNormalization with a scale that broadcasts": {
    shape: [2, 3, 4],
    tensors: [floats("g", [4], numbers(4))],
    nodes: [node("LayerNormalization", ["x", "g"], { axis: -1 })],
  },
  "Gather by negative positions": {
    shape: [4, 3],
    tensors: [ints("i", [-1, 0, 2, -4], [2, 2])],
    nodes: [node("Gather", ["x", "i"])],
  },
  "GatherElements by positions that are computed": {
    tensors: [ints("i", [0, -3], [2, 1]), ints("one", [1])],
    nodes: [node("Add", ["i", "one"], {}, ["j"]), node("GatherElements", ["x", "j"], { axis: 1 })],
  },
  "ScatterElements adding": {
    opset: 18,
    tensors: [ints("i", [-1, 0, 2, 2], [2, 2]), floats("u", [2, 2], [1, 2, 3, 4])],
    nodes: [node("ScatterElements", ["x", "i", "u"], { axis: 1, reduction: "add" })],
  },
  "OneHot on the first axis, between other values": {
    shape: [3, 2],
    tensors: [ints("i", [1, -1]), ints("d", [3]), floats("v", [2], [-1, 4])],
    nodes: [node("OneHot", ["i", "d", "v"], { axis: 0 }, ["o"]), node("Mul", ["x", "o"])],
  },
  "ConstantOfShape and Constant": {
    nodes: [
      node("Shape", ["x"], {}, ["s"]),
      node("ConstantOfShape", ["s"], { value: floats("", [1], [3]) }, ["c"]),
      node("Constant", [], { value_float: { float: 0.5 } }, ["h"]),
      node("Mul", ["c", "h"], {}, ["p"]),
      node("Sub", ["x", "p"]),
    ],
  },
  "Where and Cast": {
    tensors: [{ name: "b", dataType: BOOL, dims: [2n, 1n], rawData: Uint8Array.of(1, 0) }],
    nodes: [
      node("Cast", ["b"], { to: 1 }, ["c"]),
      node("Mul", ["c", "x"], {}, ["m"]),
      node("Where", ["b", "m", "x"]),
    ],
  },
  "SoftmaxCrossEntropyLoss of images": {
    shape: [2, 3, 2],
    tensors: [ints("t", [0, 2, 1, 1], [2, 2]), floats("w", [3], [1, 2, 0.5])],
    nodes: [node("SoftmaxCrossEntropyLoss", ["x", "t", "w"], { ignore_index: 2 })],
  },
  "and its second output": {
    shape: [2, 3, 2],
    tensors: [ints("t", [0, 2, 1, 1], [2, 2])],
    nodes: [node("SoftmaxCrossEntropyLoss", ["x", "t"], { reduction: "sum" }, ["l", "y"])],
  },
  "NegativeLogLikelihoodLoss of images, per element": {
    shape: [2, 3, 2],
    tensors: [ints("t", [0, 2, 1, 1], [2, 2])],
    nodes: [node("NegativeLogLikelihoodLoss", ["x", "t"], { reduction: "none" })],
  },
  "integers divided towards 0": {
    tensors: [ints("a", [7, -7]), ints("b", [2])],
    nodes: [
      node("Div", ["a", "b"], {}, ["q"]),
      node("Cast", ["q"], { to: 1 }, ["f"]),
      node("MatMul", ["f", "x"]),
    ],
  },
};

const [MOST, LEAST] = [2n ** 63n - 1n, -(2n ** 63n)];

/** Values and element types at their limits. */
const LIMITS: Readonly<Record<string, Case>> = {
  "a mask of more positions than are compared one by one": {
    shape: [1, 1100],
    tensors: [ints("p", [...new Array(1100).keys()]), ints("first", [0]), ints("last", [1])],
    nodes: [
      node("Unsqueeze", ["p", "first"], {}, ["row"]),
      node("Unsqueeze", ["p", "last"], {}, ["column"]),
      node("Greater", ["row", "column"], {}, ["later"]),
      node("Constant", [], { value_float: { float: Number.NEGATIVE_INFINITY } }, ["none"]),
      node("Where", ["later", "none", "x"], {}, ["masked"]),
      node("Softmax", ["masked"], {}, ["shares"]),
      node("Transpose", ["x"], {}, ["values"]),
      node("MatMul", ["shares", "values"]),
    ],
  },
  "pads of −∞ and ∞": {
    tensors: [ints("p", [0, 1, 0, 0])],
    nodes: [
      ...["-Infinity", "Infinity"].flatMap((limit) => [
        node("Constant", [], { value_float: { float: Number(limit) } }, [limit]),
        node("Pad", ["x", "p", limit], {}, [`padded ${limit}`]),
        node("ReduceMax", [`padded ${limit}`], { axes: [1] }, [`max ${limit}`]),
      ]),
      node("Concat", ["max Infinity", "max -Infinity"], { axis: 1 }),
    ],
  },
  ...Object.fromEntries(
    [
      ["int32", 6],
      ["int64", 7],
    ].flatMap(([dtype, to]) => [
      [
        `Clip of ${dtype} without an upper limit`,
        {
          nodes: [
            ...integersFrom("x", Number(to)),
            node("Constant", [], { value_int: 2 }, ["two"]),
            node("Cast", ["two"], { to: Number(to) }, ["low"]),
            node("Clip", ["i", "low"], {}, ["c"]),
            node("Cast", ["c"], { to: 1 }),
          ],
        },
      ],
      [
        `Clip of ${dtype} without a lower limit`,
        {
          nodes: [
            ...integersFrom("x", Number(to)),
            node("Constant", [], { value_int: 1 }, ["one"]),
            node("Cast", ["one"], { to: Number(to) }, ["high"]),
            node("Clip", ["i", "", "high"], {}, ["c"]),
            node("Cast", ["c"], { to: 1 }),
          ],
        },
      ],
      [
        `Pow of ${dtype} by a fraction`,
        {
          nodes: [
            ...integersFrom("x", Number(to)),
            node("Constant", [], { value_float: { float: 0.5 } }, ["half"]),
            node("Pow", ["i", "half"], {}, ["r"]),
            node("Cast", ["r"], { to: 1 }),
          ],
        },
      ],
    ]),
  ),
  "Pow of an integer constant by a fraction": {
    tensors: [ints("four", [4, 8, 9])],
    nodes: [
      node("Constant", [], { value_float: { float: 0.5 } }, ["half"]),
      node("Pow", ["four", "half"], {}, ["r"]),
      node("Cast", ["r"], { to: 1 }, ["f"]),
      node("Mul", ["x", "f"]),
    ],
  },
  "Pow by a float64 fraction": {
    tensors: [
      { name: "e", dataType: DOUBLE, dims: [], rawData: new Uint8Array(Float64Array.of(0.1).buffer) },
    ],
    nodes: [node("Pow", ["x", "e"])],
  },
  "Cast of fractions to bool": {
    nodes: [
      node("Constant", [], { value: floats("", [3], [0.5, 0, -0.25]) }, ["c"]),
      node("Cast", ["c"], { to: BOOL }, ["b"]),
      node("Constant", [], { value_float: { float: 0 } }, ["zero"]),
      node("Where", ["b", "x", "zero"]),
    ],
  },
  "Cast of fractions to int64": {
    nodes: [
      node("Constant", [], { value: floats("", [3], [0.5, -1.5, 2.75]) }, ["c"]),
      node("Cast", ["c"], { to: INT64 }, ["i"]),
      node("Cast", ["i"], { to: 1 }, ["f"]),
      node("Mul", ["x", "f"]),
    ],
  },
  "int64 beyond 2^53": {
    tensors: [ints("a", [2n ** 53n + 1n, 2n ** 53n, MOST]), ints("b", [2n ** 53n, 2n ** 53n, LEAST])],
    nodes: [
      node("Greater", ["a", "b"], {}, ["g"]),
      node("Sub", ["a", "b"], {}, ["d"]),
      node("Cast", ["d"], { to: 1 }, ["f"]),
      node("Where", ["g", "x", "f"]),
    ],
  },
  "Shape from before the first axis": {
    shape: [2, 3, 4],
    nodes: [node("Shape", ["x"], { start: -5, end: 2 }, ["s"]), node("ConstantOfShape", ["s"])],
  },
  "Shape to the end and beyond": {
    shape: [2, 3, 4],
    nodes: [
      node("Shape", ["x"], { start: 1, end: MOST }, ["s"]),
      node("Shape", ["x"], { start: 2, end: 1 }, ["none"]),
      node("Concat", ["none", "s"], { axis: 0 }, ["all"]),
      node("ConstantOfShape", ["all"]),
    ],
  },
  "Slice to the end, said with INT64_MAX": {
    nodes: [
      node("Constant", [], { value_ints: [MOST] }, ["end"]),
      node("Constant", [], { value_ints: [1] }, ["one"]),
      node("Slice", ["x", "one", "end", "one"]),
    ],
  },
  "Slice backwards to the start, said with INT64_MIN": {
    tensors: [ints("s", [MOST]), ints("e", [LEAST]), ints("a", [1]), ints("t", [-1])],
    nodes: [node("Slice", ["x", "s", "e", "a", "t"])],
  },
  "value_int of INT64_MAX": {
    nodes: [
      node("Constant", [], { value_int: MOST }, ["most"]),
      node("Constant", [], { value_int: LEAST }, ["least"]),
      node("Greater", ["most", "least"], {}, ["b"]),
      node("Cast", ["b"], { to: 1 }, ["f"]),
      node("Mul", ["x", "f"]),
    ],
  },
  "Clip of ∞ and −∞ with one limit": {
    nodes: [
      node(
        "Constant",
        [],
        { value: floats("", [3], [Number.NEGATIVE_INFINITY, 0, Number.POSITIVE_INFINITY]) },
        ["c"],
      ),
      node("Add", ["x", "c"], {}, ["all"]),
      node("Constant", [], { value_float: { float: 1 } }, ["one"]),
      node("Clip", ["all", "one"], {}, ["a"]),
      node("Clip", ["all", "", "one"], {}, ["b"]),
      node("Concat", ["a", "b"], { axis: 0 }),
    ],
  },
  "Pow of 1 by what is no number": {
    nodes: [
      node("Constant", [], { value: floats("", [3], [1, 1, -1]) }, ["c"]),
      node(
        "Constant",
        [],
        { value: floats("", [3], [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) },
        ["e"],
      ),
      node("Pow", ["c", "e"], {}, ["p"]),
      node("Mul", ["x", "p"]),
    ],
  },
  "OneHot between −∞ and 0": {
    shape: [2, 3],
    tensors: [ints("i", [1, -1]), ints("d", [3])],
    nodes: [
      node("Constant", [], { value: floats("", [2], [Number.NEGATIVE_INFINITY, 0]) }, ["v"]),
      node("OneHot", ["i", "d", "v"], {}, ["o"]),
      node("Add", ["x", "o"], {}, ["masked"]),
      node("Softmax", ["masked"]),
    ],
  },
  "Gather by negative positions that are computed": {
    nodes: [
      ...integersFrom("x", INT64),
      node("Neg", ["i"], {}, ["j"]),
      node("Constant", [], { value_int: -2 }, ["low"]),
      node("Clip", ["j", "low"], {}, ["k"]),
      node("Gather", ["x", "k"]),
    ],
  },
};

/** Operators that models of text compute masks with. Results other than floating-point numbers are cast. */
const asFloat = (name: string): NodeInit => node("Cast", [name], { to: 1 });
const special = floats(
  "special",
  [7],
  [0.5, -0.5, 1.5, -2.5, Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
);
const computed = (op: string, attributes = {}): NodeInit[] => [
  node("Mul", ["x", "zeros"], {}, ["nothing"]),
  node("Add", ["nothing", "special"], {}, ["all"]),
  node(op, ["all"], attributes, ["made"]),
  asFloat("made"),
];
const compared = (op: string): NodeInit[] => [
  node("Add", ["x", "special"], {}, ["all"]),
  node("Mul", ["all", "special"], {}, ["product"]),
  node(op, ["all", "product"], {}, ["made"]),
  asFloat("made"),
];
const connected = (op: string): NodeInit[] => [
  node("Greater", ["x", "one"], {}, ["large"]),
  node("Less", ["x", "half"], {}, ["small"]),
  node(op, ["large", "small"], {}, ["made"]),
  asFloat("made"),
];
const limits = [floats("one", [], [1]), floats("half", [], [0.5])];
const zeros = floats("zeros", [7], new Array(7).fill(0));
const branch = (output: string, nodes: readonly NodeInit[]) => ({
  name: output,
  node: [...nodes],
  output: [{ name: output }],
});
const conditional = (
  condition: readonly NodeInit[],
  taken = node("Add", ["x", "one"], {}, ["z"]),
): NodeInit[] => [
  ...condition,
  {
    opType: "If",
    input: ["c"],
    output: ["y"],
    attribute: [
      { name: "then_branch", type: 5, g: branch("z", [taken]) },
      {
        name: "else_branch",
        type: 5,
        g: branch("z", [node("Exp", ["x"], {}, ["t"]), node("Neg", ["t"], {}, ["z"])]),
      },
    ],
  },
];

/** h = h / 2 + x, three times by a count or until h's sum is known to be enough; then the last h and the sum of all. */
const looped = (again: readonly NodeInit[], inputs = ["trips", "go", "x"]): NodeInit[] => [
  {
    opType: "Loop",
    input: inputs,
    output: ["last", "all"],
    attribute: [
      {
        name: "body",
        type: 5,
        g: {
          name: "body",
          input: [typed("trip", 7), typed("goes", 9), typed("h", 1)],
          node: [
            node("Mul", ["h", "half"], {}, ["halved"]),
            node("Add", ["halved", "x"], {}, ["next"]),
            node("Identity", ["next"], {}, ["kept"]),
            ...again,
          ],
          output: [typed("again", 9), typed("next", 1), typed("kept", 1)],
        },
      },
    ],
  },
  node("ReduceSum", ["all", "first"], { keepdims: 0 }, ["sum"]),
  node("Add", ["last", "sum"]),
];
const typed = (name: string, elemType: number) => ({
  name,
  type: { value: { case: "tensorType" as const, value: { elemType, ...(elemType !== 1 && { shape: {} }) } } },
});
const goOn = { name: "go", dataType: 9, dims: [], rawData: new Uint8Array([1]) };
const looping = [floats("half", [], [0.5]), ints("first", [0]), goOn];

const MASKS: Readonly<Record<string, Case>> = {
  ...Object.fromEntries(
    ["IsNaN", "IsInf", "Floor", "Ceil", "Round", "Sign"].map((op) => [
      `${op} of halves, NaN and infinities`,
      { shape: [1], tensors: [special, zeros], nodes: computed(op) },
    ]),
  ),
  "IsInf of one sign": {
    shape: [1],
    tensors: [special, zeros],
    nodes: computed("IsInf", { detect_negative: 0 }),
  },
  "IsInf of the other": {
    shape: [1],
    tensors: [special, zeros],
    nodes: computed("IsInf", { detect_positive: 0 }),
  },
  ...Object.fromEntries(
    ["LessOrEqual", "GreaterOrEqual"].map((op) => [
      `${op} with NaN`,
      { shape: [1], tensors: [special], nodes: compared(op) },
    ]),
  ),
  ...Object.fromEntries(["And", "Or", "Xor"].map((op) => [op, { tensors: limits, nodes: connected(op) }])),
  Not: {
    tensors: limits,
    nodes: [
      node("Greater", ["x", "one"], {}, ["large"]),
      node("Not", ["large"], {}, ["made"]),
      asFloat("made"),
    ],
  },
  CastLike: {
    opset: 19,
    tensors: [ints("like", [1])],
    nodes: [node("CastLike", ["x", "like"], {}, ["made"]), asFloat("made")],
  },
  "Range backwards": {
    tensors: [ints("s", [5], []), ints("e", [-2], []), ints("d", [-3], [])],
    nodes: [
      node("Range", ["s", "e", "d"], {}, ["made"]),
      node("Cast", ["made"], { to: 1 }, ["f"]),
      node("Add", ["x", "f"]),
    ],
  },
  "Range of fractions": {
    tensors: [floats("s", [], [0.5]), floats("e", [], [2.25]), floats("d", [], [0.75])],
    nodes: [node("Range", ["s", "e", "d"], {}, ["f"]), node("Add", ["x", "f"])],
  },
  "a limit of Range that a shape makes": {
    tensors: [ints("s", [0], []), ints("d", [1], []), ints("last", [1], [])],
    nodes: [
      node("Shape", ["x"], {}, ["shape"]),
      node("Gather", ["shape", "last"], {}, ["e"]),
      node("Range", ["s", "e", "d"], {}, ["made"]),
      node("Cast", ["made"], { to: 1 }, ["f"]),
      node("Add", ["x", "f"]),
    ],
  },
  "CumSum of integers, backwards": {
    tensors: [ints("axis", [1], [])],
    nodes: [
      ...integersFrom("x", INT64),
      node("CumSum", ["i", "axis"], { reverse: 1 }, ["made"]),
      asFloat("made"),
    ],
  },
  "ArgMax of equal elements": {
    tensors: [zeros],
    shape: [1],
    nodes: [node("Mul", ["x", "zeros"], {}, ["z"]), node("ArgMax", ["z"], {}, ["made"]), asFloat("made")],
  },
  "ArgMax of equal elements, the last": {
    tensors: [zeros],
    shape: [1],
    nodes: [
      node("Mul", ["x", "zeros"], {}, ["z"]),
      node("ArgMax", ["z"], { select_last_index: 1, keepdims: 0 }, ["made"]),
      asFloat("made"),
    ],
  },
  "ArgMin along an axis": {
    nodes: [node("ArgMin", ["x"], { axis: -1, keepdims: 0 }, ["made"]), asFloat("made")],
  },
  "ArgMin of integers": {
    nodes: [...integersFrom("x", 6), node("ArgMin", ["i"], { axis: 1 }, ["made"]), asFloat("made")],
  },
  "TopK of equal elements": {
    tensors: [zeros, ints("k", [4])],
    shape: [1],
    nodes: [
      node("Mul", ["x", "zeros"], {}, ["z"]),
      node("TopK", ["z", "k"], {}, ["v", "made"]),
      asFloat("made"),
    ],
  },
  "TopK of integers, the smallest": {
    tensors: [ints("k", [2])],
    nodes: [
      ...integersFrom("x", INT64),
      node("TopK", ["i", "k"], { largest: 0, axis: 1 }, ["made", "p"]),
      asFloat("made"),
    ],
  },
  "NonZero of what is known": {
    tensors: [ints("known", [0, 3, 0, 2, 1, 0], [2, 3])],
    nodes: [
      node("NonZero", ["known"], {}, ["made"]),
      node("Cast", ["made"], { to: 1 }, ["f"]),
      node("Add", ["x", "f"]),
    ],
  },
  "Mod of integers of both signs": {
    tensors: [ints("m", [3, -3, 2])],
    nodes: [
      ...integersFrom("x", INT64),
      node("Sub", ["i", "m"], {}, ["j"]),
      node("Mod", ["j", "m"], {}, ["made"]),
      node("Mod", ["j", "m"], { fmod: 1 }, ["other"]),
      node("Sub", ["made", "other"], {}, ["difference"]),
      node("Mul", ["difference", "made"], {}, ["product"]),
      node("Add", ["product", "other"], {}, ["sum"]),
      asFloat("sum"),
    ],
  },
  "GatherND of a mask": {
    tensors: [...limits, ints("places", [0, 2, 1, -1, -2, 0], [3, 2])],
    nodes: [
      node("Greater", ["x", "one"], {}, ["large"]),
      node("GatherND", ["large", "places"], {}, ["made"]),
      asFloat("made"),
    ],
  },
  "GatherND of rows of a batch": {
    shape: [2, 3, 4],
    tensors: [ints("places", [2, 0, -1, 1], [2, 2, 1])],
    nodes: [node("GatherND", ["x", "places"], { batch_dims: 1 })],
  },
  ScatterND: {
    shape: [3, 4],
    tensors: [ints("places", [2, -3], [2, 1]), floats("updates", [2, 4], numbers(8))],
    nodes: [node("ScatterND", ["x", "places", "updates"])],
  },
  "ScatterND that adds": {
    shape: [3, 4],
    opset: 18,
    tensors: [ints("places", [2, 1, 2, 1, 0, 0], [3, 2]), floats("updates", [3], [1, 2, 3])],
    nodes: [node("ScatterND", ["x", "places", "updates"], { reduction: "add" })],
  },
  "Trilu of a mask, moved": {
    shape: [4, 4],
    tensors: [...limits, ints("k", [1], [])],
    nodes: [
      node("Greater", ["x", "half"], {}, ["large"]),
      node("Trilu", ["large", "k"], { upper: 0 }, ["made"]),
      asFloat("made"),
    ],
  },
  "Tile of a mask": {
    tensors: [...limits, ints("twice", [2, 2])],
    nodes: [
      node("Greater", ["x", "one"], {}, ["large"]),
      node("Tile", ["large", "twice"], {}, ["made"]),
      asFloat("made"),
    ],
  },
  "ReduceMin of a mask": {
    opset: 20,
    tensors: [...limits, ints("axis", [1])],
    nodes: [
      node("Greater", ["x", "half"], {}, ["large"]),
      node("ReduceMin", ["large", "axis"], {}, ["made"]),
      asFloat("made"),
    ],
  },
  "ReduceMin and ReduceProd of integers": {
    nodes: [
      ...integersFrom("x", INT64),
      node("ReduceMin", ["i"], { axes: [1] }, ["least"]),
      node("ReduceProd", ["i"], { axes: [1] }, ["product"]),
      node("Add", ["least", "product"], {}, ["made"]),
      asFloat("made"),
    ],
  },
  Size: {
    nodes: [
      node("Size", ["x"], {}, ["made"]),
      node("Cast", ["made"], { to: 1 }, ["f"]),
      node("Add", ["x", "f"]),
    ],
  },
  "Pad of a mask": {
    tensors: [...limits, ints("p", [0, 1, 1, 0])],
    nodes: [
      node("Greater", ["x", "one"], {}, ["large"]),
      node("Cast", ["large"], { to: 6 }, ["i"]),
      node("Pad", ["i", "p"], {}, ["made"]),
      asFloat("made"),
    ],
  },
  "If with a condition that holds": {
    tensors: [...limits, ints("two", [2], [])],
    nodes: conditional([node("Size", ["x"], {}, ["size"]), node("Greater", ["size", "two"], {}, ["c"])]),
  },
  "If with one that does not": {
    tensors: [...limits, ints("two", [2], [])],
    nodes: conditional([node("Size", ["x"], {}, ["size"]), node("Less", ["size", "two"], {}, ["c"])]),
  },
  "Loop by a count": {
    tensors: [...looping, ints("trips", [3], [])],
    nodes: looped([node("Identity", ["goes"], {}, ["again"])]),
  },
  "Loop until a known number": {
    tensors: [...looping, ints("most", [4], [])],
    nodes: looped([node("Less", ["trip", "most"], {}, ["again"])], ["", "go", "x"]),
  },
};

const statistics = [
  floats("scale", [2, 5, 6], numbers(60)),
  floats("offset", [2, 5, 6], numbers(60).reverse()),
  floats("mean", [2, 5, 6], numbers(61).slice(1)),
  floats("variance", [2, 5, 6], numbers(62).slice(2)),
];

/** Old operator sets, in what one node cannot show. */
const OLD_FORMS: Readonly<Record<string, Case>> = {
  "BatchNormalization 7 of each element of an image": {
    opset: 7,
    shape: image,
    tensors: statistics,
    nodes: [
      node("BatchNormalization", ["x", "scale", "offset", "mean", "variance"], {
        spatial: 0,
        epsilon: { float: 1e-3 },
      }),
    ],
  },
  // It has zeros in ONNX Runtime, and ones in ONNX's reference.
  "Dropout 7 with a mask of the operand's type": {
    opset: 7,
    nodes: [
      node("Dropout", ["x"], {}, ["d", "mask"]),
      node("Sub", ["mask", "mask"], {}, ["nothing"]),
      node("Add", ["d", "nothing"]),
    ],
  },
  "Dropout 10 with a mask of bool": {
    opset: 10,
    nodes: [node("Dropout", ["x"], {}, ["d", "mask"]), node("Where", ["mask", "x", "d"])],
  },
  "Upsample 9 by scales that a shape makes": {
    opset: 9,
    shape: [1, 2, 3, 4],
    tensors: [floats("times", [4], [1, 1, 2, 3])],
    nodes: [
      node("Shape", ["x"], {}, ["shape"]),
      node("Cast", ["shape"], { to: 1 }, ["from"]),
      node("Mul", ["from", "times"], {}, ["sizes"]),
      node("Div", ["sizes", "from"], {}, ["scales"]),
      node("Upsample", ["x", "scales"], { mode: "nearest" }),
    ],
  },
  "Softmax 11 of a vector": { opset: 11, shape: [5], nodes: [node("Softmax", ["x"], { axis: 0 })] },
  "nodes of one kind in a row": {
    opset: 9,
    nodes: [
      node("Softmax", ["x"], { axis: 0 }, ["first"]),
      node("Softmax", ["first"], { axis: 0 }, ["second"]),
      node("Unsqueeze", ["second"], { axes: [0] }, ["third"]),
      node("Squeeze", ["third"], { axes: [0] }),
    ],
  },
  "old nodes in a branch": {
    opset: 11,
    tensors: limits,
    nodes: conditional(
      [
        node("Size", ["x"], {}, ["size"]),
        node("Constant", [], { value: ints("", [2], []) }, ["two"]),
        node("Greater", ["size", "two"], {}, ["c"]),
      ],
      node("Unsqueeze", ["x"], { axes: [1] }, ["z"]),
    ),
  },
};

describe("a model is read as ONNX Runtime runs it", () => {
  it.each(Object.entries({ ...CASES, ...LIMITS, ...MASKS, ...OLD_FORMS }))(
    "%s",
    async (_, { shape = [2, 3], ...parts }) => {
      const bytes = modelOf({ ...parts, shape });
      const graph = parseModel(bytes).graph();
      const x = tensor("float32", shape, numbers(sizeOf(shape)));
      const stored = [...parseModel(bytes).initializers].filter(([, of]) => isFloat(of));
      const feeds = { x, ...Object.fromEntries(stored.map(([name, of]) => [name, of.read()])) };
      const expected = await runModel(bytes, { x });
      expectClose(evaluate(graph, feeds), expected, 1e-6);
      expectClose(await runInRuntime(legalize(optimize(graph), ONNXRUNTIME_CPU), feeds), expected, 1e-6);
    },
  );

  it.each([
    [
      "by what the model computes",
      node("Greater", ["total", "limit"], {}, ["again"]),
      ["", "go", "x"],
      /only known while the model runs/,
    ],
    ["without end", node("Identity", ["goes"], {}, ["again"]), ["", "go", "x"], /more than 10000 trips/],
    ["without a trip", node("Identity", ["goes"], {}, ["again"]), ["none", "go", "x"], /makes no trip/],
    [
      "with too few values",
      node("Identity", ["goes"], {}, ["again"]),
      ["trips", "go"],
      /body must have 2 inputs, got 3/,
    ],
  ])("refuses a loop %s", (_, again, inputs, why) => {
    const total = node("ReduceSum", ["next"], { keepdims: 0 }, ["total"]);
    const counts = [ints("trips", [3], []), ints("none", [0], []), floats("limit", [], [1])];
    const bytes = modelOf({
      shape: [2, 3],
      tensors: [...looping, ...counts],
      nodes: looped([total, again], inputs),
    });
    expect(() => parseModel(bytes).graph()).toThrow(why);
  });

  it("leaves to the runtime what a cast of −∞ to int64 is", async () => {
    const bytes = modelOf({
      tensors: [ints("z", [0, 0, 0])],
      nodes: [
        node("Constant", [], { value: floats("", [3], [0, 1, 2]) }, ["c"]),
        node("Log", ["c"], {}, ["l"]),
        node("Cast", ["l"], { to: INT64 }, ["i"]),
        node("Greater", ["i", "z"], {}, ["g"]),
        node("Where", ["g", "i", "z"], {}, ["j"]),
        node("Gather", ["x", "j"], { axis: 1 }),
      ],
    });
    const x = tensor("float32", [2, 3], numbers(6));
    const optimized = optimize(parseModel(bytes).graph());
    expectClose(await runInRuntime(optimized, { x }), await runModel(bytes, { x }), 0);
  });

  it("takes integers as inputs", () => {
    const bytes = modelOf({ elemType: INT64, nodes: [node("Cast", ["x"], { to: 1 })] });
    expect(parseModel(bytes).inputs).toEqual([{ name: "x", dtype: "int64", shape: [2, 3] }]);
  });
});
