import { constant, constantTensor, unlessUndefined } from "../graph.js";
import { definitionOf } from "../op.js";
import { sizeOf } from "../tensor.js";
import type { Rule } from "./rewrite.js";

/**
 * Constant folding: an operator on constants becomes the constant that the reference interpreter computes, rounded once
 * from double precision. A runtime's own result differs from it by the error of its kernel. What is larger than its
 * operands is left to the runtime, since a model should not grow. So is what ONNX leaves undefined.
 */
export const foldConstants: Rule = (node, inputs) => {
  if (inputs.length === 0 || !inputs.every((input) => input.node.op === "Constant")) return undefined;
  const largest = inputs.reduce((most, { shape }) => Math.max(most, sizeOf(shape)), 0);
  if (node.outputs.some(({ shape }) => sizeOf(shape) > largest)) return undefined;
  const tensors = inputs.map((input) => constantTensor(input.node));
  return unlessUndefined(() => definitionOf(node.op).evaluate(tensors, node.attributes, node.outputs))?.map(
    constant,
  );
};
