import { conv, convTranspose, gemm, matMul, reshape, type Shape } from "@softmax-bench/graph";
import type { OnnxNode } from "../node.js";
import { transposedWindowFrom, windowFrom } from "../windows.js";
import type { Reader, Readers } from "./reader.js";

/** Vectors count as a row on the left and a column on the right, as in NumPy. */
const product: Reader = (node) => {
  const [a, b] = [node.input(0), node.input(1)];
  const left = a.shape.length === 1 ? reshape(a, [1, ...a.shape]) : a;
  const right = b.shape.length === 1 ? reshape(b, [...b.shape, 1]) : b;
  const y = matMul(left, right);
  const kept = y.shape.slice(0, -2);
  const rows = a.shape.length === 1 ? [] : y.shape.slice(-2, -1);
  return reshape(y, [...kept, ...rows, ...(b.shape.length === 1 ? [] : y.shape.slice(-1))]);
};

const matrixProduct: Reader = (node) =>
  gemm(node.input(0), node.input(1), node.optional(2), {
    alpha: node.float("alpha", 1),
    beta: node.float("beta", 1),
    transA: node.flag("transA"),
    transB: node.flag("transB"),
  });

const convolution: Reader = (node) => {
  const [x, filter, bias] = [node.input(0), node.input(1), node.optional(2)];
  const kernel = filter.shape.slice(2);
  checkKernel(node, kernel);
  return conv(x, filter, bias, { ...windowFrom(node, x, kernel), group: node.int("group", 1) });
};

function checkKernel(node: OnnxNode, kernel: Shape): void {
  const given = node.ints("kernel_shape");
  if (given && String(given) !== String(kernel))
    node.fail(`kernel_shape [${given}] is not that of a filter [${kernel}]`);
}

const transposedConv: Reader = (node) => {
  const [x, filter, bias] = [node.input(0), node.input(1), node.optional(2)];
  const kernel = filter.shape.slice(2);
  checkKernel(node, kernel);
  const window = transposedWindowFrom(node, x, kernel);
  return convTranspose(x, filter, bias, { ...window, group: node.int("group", 1) });
};

export const PRODUCTS: Readers = {
  MatMul: product,
  Gemm: matrixProduct,
  Conv: convolution,
  ConvTranspose: transposedConv,
};
