import { isBearable, spend } from "../budget.js";
import { unlessUndefined } from "../error.js";
import { constant, constantTensor, type Node } from "../graph.js";
import { evaluateNode } from "../op.js";
import { type Shape, sizeOf } from "../tensor.js";
import type { Rule } from "./rewrite.js";

/** Numbers of multiplications in products, by the shapes of their operands and of the result. */
const MULTIPLICATIONS: Readonly<Record<string, (a: Shape, b: Shape, y: Shape) => number>> = {
  MatMul: (a, _, y) => sizeOf(y) * (a.at(-1) ?? 1),
  // Of [m, k], [k, n] and [m, n], with any operand transposed: m k n.
  Gemm: (a, b, y) => Math.sqrt(sizeOf(a) * sizeOf(b) * sizeOf(y)),
  Conv: (_, filter, y) => sizeOf(y) * sizeOf(filter.slice(1)),
  ConvTranspose: (x, filter) => sizeOf(x) * sizeOf(filter.slice(1)),
};

/** The number of steps in which the reference interpreter computes a node: elements read, written and multiplied. */
function countSteps({ op, inputs, outputs }: Node): number {
  const [a, b, y] = [inputs[0]?.shape ?? [], inputs[1]?.shape ?? [], outputs[0]?.shape ?? []];
  const elements = [...inputs, ...outputs].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return elements + (MULTIPLICATIONS[op]?.(a, b, y) ?? 0);
}

/** True if the reference interpreter computes a node quickly. */
export const isCheap = (node: Node): boolean => isBearable(countSteps(node));

/** True if the budget allows computing a node here; see `withBudget`. The steps are then spent. */
export const isAffordable = (node: Node): boolean => spend(countSteps(node));

/**
 * Constant folding: an operator on constants becomes the constant that the reference interpreter computes, rounded once
 * from double precision. A runtime's own result differs from it by the error of its kernel. Results that are larger
 * than their operands are left to the runtime, since a model should not grow; so are slow computations and undefined
 * results.
 */
export const foldConstants: Rule = (node, inputs) => {
  if (inputs.length === 0 || !inputs.every((input) => input.node.op === "Constant")) return undefined;
  const largest = inputs.reduce((most, { shape }) => Math.max(most, sizeOf(shape)), 0);
  if (node.outputs.some(({ shape }) => sizeOf(shape) > largest) || !isAffordable(node)) return undefined;
  const tensors = inputs.map((input) => constantTensor(input.node));
  return unlessUndefined(() => evaluateNode(node, tensors))?.map(constant);
};
