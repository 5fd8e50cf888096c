import { applyAll, averagePool, globalAveragePool } from "@softmax-bench/graph";
import { ceiled, windowFrom } from "../windows.js";
import { type Reader, type Readers, unary } from "./reader.js";

const readMaxPool: Reader = (node) => {
  const x = node.input(0);
  const kernel = node.ints("kernel_shape") ?? node.fail("lacks kernel_shape");
  if (node.int("storage_order", 0) !== 0) node.fail("storage_order 1 is not supported");
  const window = windowFrom(node, x, kernel);
  const { strides, dilations, pads } = node.flag("ceil_mode") ? ceiled(window, x, kernel) : window;
  return applyAll("MaxPool", [x], { kernel_shape: kernel, strides, dilations, pads });
};

const meanPool: Reader = (node) => {
  const x = node.input(0);
  const kernel = node.ints("kernel_shape") ?? node.fail("lacks kernel_shape");
  const countIncludePad = node.flag("count_include_pad");
  const window = windowFrom(node, x, kernel);
  const { strides, dilations, pads } = node.flag("ceil_mode") ? ceiled(window, x, kernel) : window;
  if (countIncludePad && String(pads) !== String(window.pads)) {
    node.fail("ceil_mode with count_include_pad is not supported where it adds a window");
  }
  return averagePool(x, kernel, { strides, dilations, pads, countIncludePad });
};

export const POOLS: Readers = {
  ...{ MaxPool: readMaxPool, AveragePool: meanPool, GlobalAveragePool: unary(globalAveragePool) },
};
