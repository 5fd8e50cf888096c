import { MissingKernel } from "../error.js";
import { type Graph, type Node, topologicalOrder } from "../graph.js";
import { describeNode, findDefinition } from "../op.js";
import { type DType, isFloat } from "../tensor.js";
import { type Rule, rewrite } from "./rewrite.js";

/**
 * The kernels of a runtime: dtypes by operator, or by its attributes and operands as well. The dtype of a node is that of its
 * floating-point result or else of its first floating-point operand; nodes without either are not looked up.
 */
export type Kernels = Readonly<Record<string, readonly DType[] | ((node: Node) => readonly DType[])>>;

/**
 * Replaces each operator that a runtime has no kernel for with its body, recursively.
 * @throws MissingKernel if such an operator has no body, naming the node.
 */
export function legalize(graph: Graph, kernels: Kernels): Graph {
  const inSteps: Rule = (node, inputs) => {
    if (hasKernel(node, kernels)) return undefined;
    const { body } = findDefinition(node.op);
    if (!body)
      throw new MissingKernel(`${describeNode(node)}: the runtime has no ${dtypeOf(node)} kernel for it`);
    return body(inputs, node.attributes);
  };
  let legal = graph;
  while (!topologicalOrder(Object.values(legal.outputs)).every((node) => hasKernel(node, kernels))) {
    legal = rewrite(legal, inSteps);
  }
  return legal;
}

const hasKernel = (node: Node, kernels: Kernels): boolean => {
  const dtype = dtypeOf(node);
  if (node.inputs.length === 0 || dtype === undefined) return true;
  const entry = kernels[node.op] ?? [];
  return (typeof entry === "function" ? entry(node) : entry).includes(dtype);
};

const dtypeOf = (node: Node): DType | undefined => [...node.outputs, ...node.inputs].find(isFloat)?.dtype;
