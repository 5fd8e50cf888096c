import {
  abs,
  add,
  apply,
  cast,
  concat,
  constant,
  constantTensor,
  type DType,
  div,
  type Element,
  elementsOf,
  equal,
  evaluate,
  expand,
  foldConstants,
  gather,
  gatherElements,
  greater,
  less,
  matMul,
  max,
  min,
  mul,
  neg,
  optimize,
  pad,
  pow,
  reduceLogSumExp,
  reduceMax,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  rewrite,
  scatterElements,
  slice,
  sub,
  type Tensor,
  tensor,
  transpose,
  type Value,
  where,
} from "@softmax-bench/graph";
import { describe, expect, it } from "vitest";

const vector = (dtype: DType, ...values: readonly Element[]): Value =>
  constant(tensor(dtype, [values.length], values));
const int32 = (...values: readonly number[]) => vector("int32", ...values);
const int64 = (...values: readonly Element[]) => vector("int64", ...values);
const float32 = (...values: readonly number[]) => vector("float32", ...values);
const float64 = (...values: readonly number[]) => vector("float64", ...values);
const bool = (...values: readonly number[]) => vector("bool", ...values);

const graphOf = (value: Value) => ({ name: "test", inputs: [], outputs: { y: value } });
const computed = (value: Value): Element[] => elementsOf(evaluate(graphOf(value), {}).y as Tensor);

/** One beyond the whole numbers that a double counts. */
const ODD = 2n ** 53n + 1n;
const [LEAST, MOST] = [-(2n ** 63n), 2n ** 63n - 1n];

// Expected values are NumPy's and ONNX Runtime's, which agree.
describe("integer arithmetic", () => {
  it.each<[string, Value, Element[]]>([
    ["int64 addition beyond 2^53", add(int64(ODD), int64(1n)), [2n ** 53n + 2n]],
    ["int64 subtraction beyond 2^53", sub(int64(ODD), int64(1n)), [2n ** 53n]],
    ["int64 multiplication", mul(int64(3037000500n), int64(3037000499n)), [9223372033963249500n]],
    ["int64 addition, which wraps around", add(int64(MOST), int64(1n)), [LEAST]],
    [
      "int64 multiplication, which wraps around",
      mul(int64(2n ** 40n), int64(2n ** 40n + 3n)),
      [3n * 2n ** 40n],
    ],
    ["int32 addition, which wraps around", add(int32(2 ** 31 - 1), int32(1)), [-(2 ** 31)]],
    ["int32 multiplication, which wraps around", mul(int32(2 ** 31 - 1), int32(2 ** 31 - 1)), [1]],
    ["division, towards 0", div(int64(7n, -7n, ODD), int64(2n, 2n, 1n)), [3n, -3n, ODD]],
    ["int64 division beyond 2^53", div(int64(-(2n ** 62n) - 1n), int64(3n)), [-1537228672809129301n]],
    ["negation and absolute value", neg(abs(int64(-ODD, LEAST))), [-ODD, LEAST]],
    ["Relu", relu(int32(-3, 0, 3)), [0, 0, 3]],
    ["Max and Min beyond 2^53", min(max(int64(ODD), int64(ODD - 1n)), int64(MOST)), [ODD]],
    ["powers", pow(int64(3n, -2n, 0n), int64(33n, 3n, 0n)), [5559060566555523n, -8n, 1n]],
    ["a sum beyond 2^53", reduceSum(int64(ODD, 1n, 0n)), [2n ** 53n + 2n]],
    ["a mean, towards 0", reduceMean(int32(-1, -2)), [-1]],
    ["a maximum beyond 2^53", reduceMax(int64(ODD - 1n, ODD, ODD - 2n)), [ODD]],
    [
      "a product of matrices beyond 2^53",
      matMul(reshape(int64(ODD, 1n), [1, 2]), reshape(int64(1n, 1n), [2, 1])),
      [2n ** 53n + 2n],
    ],
  ])("%s", (_, value, expected) => {
    expect(computed(value)).toEqual(expected);
  });

  it.each<[string, Value, Element[]]>([
    ["Equal", equal(int64(ODD), int64(ODD - 1n)), [0]],
    ["Greater", greater(int64(ODD), int64(ODD - 1n)), [1]],
    ["Less", less(int64(ODD - 1n), int64(ODD)), [1]],
  ])("compares int64 beyond 2^53: %s", (_, value, expected) => {
    expect(computed(value)).toEqual(expected);
  });

  const x = int64(MOST, ODD);
  it.each<[string, Value, Element[]]>([
    ["Reshape and Transpose", transpose(reshape(x, [1, 2])), [MOST, ODD]],
    ["Expand", expand(reshape(slice(x, 0, 0, 1), [1]), [2]), [MOST, MOST]],
    ["Concat and Slice", slice(concat([x, x], 0), 0, 1, 3), [ODD, MOST]],
    ["Pad", pad(x, [0, 1], 7), [MOST, ODD, 7n]],
    ["Gather", gather(x, int64(1n, 0n), 0), [ODD, MOST]],
    ["GatherElements", gatherElements(x, int64(1n), 0), [ODD]],
    ["ScatterElements", scatterElements(int64(1n, 2n), int64(0n), int64(ODD), 0), [ODD, 2n]],
    [
      "ScatterElements adding",
      scatterElements(int64(1n, 2n), int64(0n), int64(ODD), 0, "add"),
      [ODD + 1n, 2n],
    ],
    ["Where", where(bool(1, 0), x, int64(0n)), [MOST, 0n]],
  ])("moves int64 unchanged: %s", (_, value, expected) => {
    expect(computed(value)).toEqual(expected);
  });
});

describe("Cast", () => {
  it.each<[string, Value, DType, Element[]]>([
    [
      "all but 0 is true",
      float32(0.5, -0, Number.NaN, Number.POSITIVE_INFINITY, 1e-45),
      "bool",
      [1, 0, 1, 1, 1],
    ],
    ["all but 0 is true", int64(0n, 2n ** 32n, -1n), "bool", [0, 1, 1]],
    ["fractions are cut off", float64(0.5, -1.5, 2 ** 62), "int64", [0n, -1n, 2n ** 62n]],
    ["fractions are cut off", float32(2.9, -2.9), "int32", [2, -2]],
    [
      "higher bits are cut off",
      int64(2n ** 31n, -(2n ** 33n) - 5n, 2n ** 40n + 7n),
      "int32",
      [-(2 ** 31), -5, 7],
    ],
    [
      "float32 is rounded to once",
      int64(16777217n, 2n ** 60n + 2n ** 36n + 1n),
      "float32",
      [2 ** 24, 2 ** 60 + 2 ** 37],
    ],
    ["float32 is rounded to once", int64(-(2n ** 62n) - 2n ** 38n - 1n), "float32", [-(2 ** 62) - 2 ** 39]],
    ["float64 is rounded to", int64(ODD), "float64", [2 ** 53]],
    ["bools are 0 and 1", bool(1, 0), "int64", [1n, 0n]],
  ])("%s: %s to %s", (_, x, to, expected) => {
    expect(computed(cast(x, to))).toEqual(expected);
  });
});

describe("floating-point numbers at their limits", () => {
  const [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  it.each<[string, Value, Element[]]>([
    ["1 to any power", pow(float64(1, 1, 1), float64(Number.NaN, low, high)), [1, 1, 1]],
    ["−1 to an infinite power", pow(float64(-1, -1), float64(low, high)), [1, 1]],
    ["powers of NaN", pow(float64(Number.NaN, Number.NaN), float64(0, 1)), [1, Number.NaN]],
    ["log Σ exp of nothing but −∞", reduceLogSumExp(float32(low, low)), [low]],
    ["log Σ exp of ∞", reduceLogSumExp(float32(0, high)), [high]],
  ])("%s", (_, value, expected) => {
    expect(computed(value)).toEqual(expected);
  });
});

describe("what ONNX leaves undefined", () => {
  it.each<[string, Value, string]>([
    ["division by 0", div(int64(7n), int64(0n)), "7 / 0 is undefined for integers"],
    ["division by 0", div(int32(7), int32(0)), "7 / 0 is undefined for integers"],
    ["NaN as an integer", cast(float32(Number.NaN), "int64"), "NaN is not an int64"],
    [
      "an infinity as an integer",
      cast(float32(Number.NEGATIVE_INFINITY), "int32"),
      "-Infinity is not an int32",
    ],
    ["what does not fit", cast(float64(2 ** 63), "int64"), "9223372036854776000 is not an int64"],
    ["what does not fit", cast(float64(2 ** 31), "int32"), "2147483648 is not an int32"],
    ["a negative power", pow(int64(2n), int64(-1n)), "2 to the power of -1 is no exact integer"],
    ["a power beyond 2^53", pow(int64(3n), int64(39n)), "3 to the power of 39 is no exact integer"],
    ["a position outside", gather(float32(1, 2), int64(2n), 0), "index 2 is outside an axis of size 2"],
    [
      "a negative position",
      gatherElements(float32(1, 2), int64(-1n), 0),
      "index -1 is outside an axis of size 2",
    ],
    ["a sum that overflows", reduceSum(int32(2 ** 31 - 1, 7)), "2147483654 is not an int32"],
    ["a sum that overflows", reduceSum(int64(MOST, 7n)), "9223372036854775814 is not an int64"],
    ["the maximum of nothing", reduceMax(int64()), "no integers are reduced to one"],
  ])("is not folded: %s", (_, value, message) => {
    expect(rewrite(graphOf(value), foldConstants).outputs.y).toBe(value);
    expect(() => computed(value)).toThrow(message);
  });
});

describe("element types that an operator does not have", () => {
  it.each<[string, () => Value, string]>([
    [
      "Sqrt",
      () => apply("Sqrt", [int64(4n)]),
      "Sqrt(int64[1]): takes float32, float64, float16, bfloat16, got int64",
    ],
    ["Add", () => add(bool(1), bool(1)), "takes float32, float64, float16, bfloat16, int32, int64, got bool"],
    [
      "Clip",
      () => apply("Clip", [int32(4)], { low: 0, high: 1 }),
      "takes float32, float64, float16, bfloat16, got int32",
    ],
    [
      "Softmax",
      () => apply("Softmax", [int32(4)], { axis: 0 }),
      "takes float32, float64, float16, bfloat16, got int32",
    ],
  ])("are refused: %s", (_, make, message) => {
    expect(make).toThrow(message);
  });
});

describe("constants and attributes are the same only if their bits are", () => {
  const [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const x = float32(1, 2);
  it.each<[string, Value, Value]>([
    ["pads of −∞ and ∞", pad(x, [0, 1], low), pad(x, [0, 1], high)],
    ["pads of NaN and ∞", pad(x, [0, 1], Number.NaN), pad(x, [0, 1], high)],
    ["pads of 0 and −0", pad(x, [0, 1], 0), pad(x, [0, 1], -0)],
    [
      "limits that are not there",
      apply("Clip", [x], { low, high: 1 }),
      apply("Clip", [x], { low: high, high: 1 }),
    ],
    ["int64 beyond 2^53", int64(ODD), int64(ODD - 1n)],
    ["0 and −0", float32(0), float32(-0)],
    ["dtypes of one size", constant(tensor("int32", [1], [0])), constant(tensor("float32", [1], [0]))],
    ["shapes of no elements", constant(tensor("int32", [0, 1], [])), constant(tensor("int32", [1, 0], []))],
  ])("%s", (_, a, b) => {
    const merged = optimize({ name: "test", inputs: [], outputs: { a, b } }, { fold: false });
    expect(merged.outputs).toEqual({ a, b });
  });

  it("tells a large constant from its own data under another shape", () => {
    const data = tensor(
      "int64",
      [1100],
      Array.from({ length: 1100 }, (_, index) => index),
    );
    const [column, row] = [constant({ ...data, shape: [1100, 1] }), constant({ ...data, shape: [1, 1100] })];
    const { mask } = optimize({ name: "test", inputs: [], outputs: { mask: greater(column, row) } }).outputs;
    expect(mask?.shape).toEqual([1100, 1100]);
  });

  it("merges large constants that share their data and shape", () => {
    const data = tensor("float32", [3000], new Array(3000).fill(1));
    const { sum } = optimize(
      { name: "test", inputs: [], outputs: { sum: add(constant(data), constant(data)) } },
      { fold: false },
    ).outputs;
    const [a, b] = sum?.node.inputs ?? [];
    expect(a && constantTensor(a.node)).toBe(data);
    expect(a).toBe(b);
  });
});
