import {
  abs,
  applyAll,
  averagePool,
  equal,
  globalAveragePool,
  mul,
  pow,
  reduceMax,
  reduceSum,
  scalar,
  sizeOf,
  type Value,
  where,
} from "@softmax-bench/graph";
import { applyCeilMode, windowFrom } from "../windows.js";
import { type Reader, type Readers, unary } from "./reader.js";

const readMaxPool: Reader = (node) => {
  const x = node.input(0);
  const kernel = node.ints("kernel_shape") ?? node.fail("lacks kernel_shape");
  if (node.int("storage_order", 0) !== 0) node.fail("storage_order 1 is not supported");
  const window = windowFrom(node, x, kernel);
  const { strides, dilations, pads } = node.flag("ceil_mode") ? applyCeilMode(window, x, kernel) : window;
  return applyAll("MaxPool", [x], { kernel_shape: kernel, strides, dilations, pads });
};

const meanPool: Reader = (node) => {
  const x = node.input(0);
  const kernel = node.ints("kernel_shape") ?? node.fail("lacks kernel_shape");
  const countIncludePad = node.flag("count_include_pad");
  const window = windowFrom(node, x, kernel);
  const { strides, dilations, pads } = node.flag("ceil_mode") ? applyCeilMode(window, x, kernel) : window;
  if (countIncludePad && String(pads) !== String(window.pads)) {
    node.fail("ceil_mode with count_include_pad is not supported where it adds a window");
  }
  return averagePool(x, kernel, { strides, dilations, pads, countIncludePad });
};

const spatialAxes = (x: Value): number[] => [...x.shape.keys()].slice(2);

const globalMax = (x: Value): Value => reduceMax(x, { axes: spatialAxes(x), keepdims: true });

/** (Σ |x|ᵖ)^(1/p), given the sum of the powers; its gradient is 0 if the sum is 0. */
function pthRoot(sum: Value, p: number): Value {
  const [zero, one] = [scalar(0, sum.dtype), scalar(1, sum.dtype)];
  const isZero = equal(sum, zero);
  const root = pow(where(isZero, one, sum), scalar(1 / p, sum.dtype));
  return where(isZero, zero, root);
}

const powers = (x: Value, p: number): Value => (p === 2 ? mul(x, x) : pow(abs(x), scalar(p, x.dtype)));

/** Derived from sums of powers: their means over windows that count padding, times the size of a window. */
const normPool: Reader = (node) => {
  const x = node.input(0);
  const kernel = node.ints("kernel_shape") ?? node.fail("lacks kernel_shape");
  const p = node.int("p", 2);
  const window = windowFrom(node, x, kernel);
  const moved = node.flag("ceil_mode") ? applyCeilMode(window, x, kernel) : window;
  const means = averagePool(powers(x, p), kernel, { ...moved, countIncludePad: true });
  return pthRoot(mul(means, scalar(sizeOf(kernel), x.dtype)), p);
};

const globalNorm: Reader = (node) => {
  const x = node.input(0);
  const p = node.int("p", 2);
  return pthRoot(reduceSum(powers(x, p), { axes: spatialAxes(x), keepdims: true }), p);
};

export const POOLS: Readers = {
  MaxPool: readMaxPool,
  AveragePool: meanPool,
  GlobalAveragePool: unary(globalAveragePool),
  GlobalMaxPool: unary(globalMax),
  LpPool: normPool,
  GlobalLpPool: globalNorm,
};
