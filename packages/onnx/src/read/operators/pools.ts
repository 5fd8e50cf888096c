import {
  abs,
  add,
  applyAll,
  averagePool,
  div,
  equal,
  globalAveragePool,
  mod,
  mul,
  pad,
  pow,
  reduceMax,
  reduceSum,
  scalar,
  sizeOf,
  sub,
  type Value,
  where,
} from "@softmax-bench/graph";
import { applyCeilMode, windowFrom } from "../windows.js";
import { type Reader, type Readers, unary } from "./reader.js";

const readMaxPool: Reader = (node) => {
  const x = node.input(0);
  const kernel = node.ints("kernel_shape") ?? node.fail("lacks kernel_shape");
  const isColumnMajor = node.flag("storage_order");
  const window = windowFrom(node, x, kernel);
  const { strides, dilations, pads } = node.flag("ceil_mode") ? applyCeilMode(window, x, kernel) : window;
  const made = applyAll("MaxPool", [x], { kernel_shape: kernel, strides, dilations, pads });
  const [values, positions] = made as [Value, Value];
  return [values, isColumnMajor && node.wants(1) ? columnMajor(positions, x) : positions];
};

/** Positions in x whose spatial axes are counted from the last one, instead of from the first one. */
function columnMajor(positions: Value, { shape }: Value): Value {
  const sizes = shape.slice(2);
  const number = (value: number) => scalar(value, positions.dtype);
  let rest = mod(positions, number(sizeOf(sizes)));
  let counted = sub(positions, rest);
  for (const axis of sizes.keys()) {
    const inner = number(sizeOf(sizes.slice(axis + 1)));
    counted = add(counted, mul(div(rest, inner), number(sizeOf(sizes.slice(0, axis)))));
    rest = mod(rest, inner);
  }
  return counted;
}

const meanPool: Reader = (node) => {
  const x = node.input(0);
  const kernel = node.ints("kernel_shape") ?? node.fail("lacks kernel_shape");
  const countIncludePad = node.flag("count_include_pad");
  const window = windowFrom(node, x, kernel);
  if (!node.flag("ceil_mode")) return averagePool(x, kernel, { ...window, countIncludePad });
  const { strides, dilations, pads } = applyCeilMode(window, x, kernel);
  if (!countIncludePad) return averagePool(x, kernel, { strides, dilations, pads });
  // What the last window has beyond the pads does not count.
  const rank = kernel.length;
  const padded = pad(x, [0, 0, ...window.pads.slice(0, rank), 0, 0, ...window.pads.slice(rank)]);
  const beyond = pads.map((count, at) => count - (window.pads[at] as number));
  return averagePool(padded, kernel, { strides, dilations, pads: beyond });
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
