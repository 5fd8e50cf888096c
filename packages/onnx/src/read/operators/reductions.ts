import {
  abs,
  cast,
  equal,
  greater,
  identity,
  isFloat,
  log,
  mul,
  not,
  type ReduceOptions,
  reduceLogSumExp,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceProd,
  reduceSum,
  scalar,
  sqrt,
  type Value,
  where,
} from "@softmax-bench/graph";
import { axisFrom, type Reader, type Readers } from "./reader.js";

/** @param alone the reduction over no axes, for each element by itself */
const reduction =
  (make: (x: Value, options: ReduceOptions) => Value, alone: (x: Value) => Value = identity): Reader =>
  (node) => {
    const x = node.input(0);
    const given = node.numbers(1);
    const keepdims = node.flag("keepdims", true);
    const nothing = node.flag("noop_with_empty_axes") && !given?.length;
    if (nothing) return alone(x);
    const axes = given?.length
      ? given.map((axis) => axisFrom(node, axis, x.shape.length))
      : [...x.shape.keys()];
    return make(x, { axes: axes.sort((a, b) => a - b), keepdims });
  };

/** The maximum; for `bool`, computed by counting, because operator sets before 20 have no such maximum. */
const maximum = (x: Value, options: ReduceOptions): Value =>
  x.dtype === "bool"
    ? greater(reduceSum(cast(x, "int32"), options), scalar(0, "int32"))
    : reduceMax(x, options);

const minimum = (x: Value, options: ReduceOptions): Value =>
  x.dtype === "bool" ? not(maximum(not(x), options)) : reduceMin(x, options);

/** √Σ x², whose gradient is 0 if all elements are 0, as in PyTorch. */
export function norm(x: Value, options: ReduceOptions): Value {
  if (!isFloat(x)) return cast(norm(cast(x, "float64"), options), x.dtype);
  const squares = reduceSum(mul(x, x), options);
  const zero = scalar(0, x.dtype);
  const isZero = equal(squares, zero);
  return where(isZero, zero, sqrt(where(isZero, scalar(1, x.dtype), squares)));
}

const square = (x: Value): Value => mul(x, x);

export const REDUCTIONS: Readers = {
  ReduceSum: reduction(reduceSum),
  ReduceMean: reduction(reduceMean),
  ReduceL1: reduction((x, options) => reduceSum(abs(x), options), abs),
  ReduceL2: reduction(norm, abs),
  ReduceLogSum: reduction((x, options) => log(reduceSum(x, options)), log),
  ReduceMin: reduction(minimum),
  ReduceProd: reduction(reduceProd),
  ReduceSumSquare: reduction((x, options) => reduceSum(square(x), options), square),
  ReduceMax: reduction(maximum),
  ReduceLogSumExp: reduction(reduceLogSumExp),
};
