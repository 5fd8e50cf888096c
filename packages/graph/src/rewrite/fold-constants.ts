import { constant, constantTensor, type Node, unlessUndefined } from "../graph.js";
import { definitionOf } from "../op.js";
import { sizeOf } from "../tensor.js";
import type { Rule } from "./rewrite.js";

const PRODUCTS: ReadonlySet<string> = new Set(["MatMul", "Gemm", "Conv", "ConvTranspose"]);
/** As many multiplications as take about a second here. */
const MOST_MULTIPLICATIONS = 2 ** 27;

/** Whether the reference interpreter computes a node in good time. */
export const isCheap = ({ op, inputs }: Node): boolean =>
  !PRODUCTS.has(op) || inputs.reduce((count, { shape }) => count * sizeOf(shape), 1) <= MOST_MULTIPLICATIONS;

/**
 * Constant folding: an operator on constants becomes the constant that the reference interpreter computes, rounded once
 * from double precision. A runtime's own result differs from it by the error of its kernel. What is larger than its
 * operands is left to the runtime, since a model should not grow. So is a large product, and what ONNX leaves undefined.
 */
export const foldConstants: Rule = (node, inputs) => {
  if (inputs.length === 0 || !inputs.every((input) => input.node.op === "Constant")) return undefined;
  const largest = inputs.reduce((most, { shape }) => Math.max(most, sizeOf(shape)), 0);
  if (node.outputs.some(({ shape }) => sizeOf(shape) > largest) || !isCheap(node)) return undefined;
  const tensors = inputs.map((input) => constantTensor(input.node));
  return unlessUndefined(() => definitionOf(node.op).evaluate(tensors, node.attributes, node.outputs))?.map(
    constant,
  );
};
