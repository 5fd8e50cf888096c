import { reserveNode } from "./budget.js";
import { GraphError } from "./error.js";
import type { DType, Shape, Tensor, TensorType } from "./tensor.js";

export type Attribute = number | string | readonly number[] | Tensor;
export type Attributes = Readonly<Record<string, Attribute>>;

/** One application of an operator. Nodes form a DAG: a node is created after its inputs and never changes. */
export interface Node {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
}

/** One output of a node; values flow along the edges of the DAG. */
export interface Value extends TensorType {
  readonly node: Node;
  /** Position among the node's outputs. */
  readonly output: number;
}

/** A function from named inputs to named outputs, with ONNX operator semantics and static shapes. */
export interface Graph {
  readonly name: string;
  /** A description for readers of the graph and of files made from it. */
  readonly description?: string;
  readonly inputs: readonly Value[];
  readonly outputs: Readonly<Record<string, Value>>;
}

/**
 * Creates a node with the given output types. Ops are applied through `apply`, which infers the types.
 * @throws BudgetError if it is one more than the budget allows
 */
export function makeNode(
  op: string,
  inputs: readonly Value[],
  attributes: Attributes,
  types: readonly TensorType[],
): Node {
  reserveNode();
  const outputs: Value[] = [];
  const node: Node = { op, inputs, attributes, outputs };
  for (const [output, { dtype, shape }] of types.entries()) outputs.push({ node, output, dtype, shape });
  return node;
}

export const outputOf = (node: Node, output = 0): Value => {
  const value = node.outputs[output];
  if (!value) throw new GraphError(`${node.op} has ${node.outputs.length} outputs, asked for #${output}`);
  return value;
};

/** A placeholder, fed by name when the graph runs. */
export const input = (name: string, dtype: DType, shape: Shape): Value =>
  outputOf(makeNode("Input", [], { name }, [{ dtype, shape }]));

export const constant = (value: Tensor): Value => outputOf(makeNode("Constant", [], { value }, [value]));

export function inputName(value: Value): string {
  const { name } = value.node.attributes;
  if (value.node.op !== "Input" || typeof name !== "string") {
    throw new GraphError(`${value.node.op} is not an input of the graph`);
  }
  return name;
}

export function constantTensor(node: Node): Tensor {
  const { value } = node.attributes;
  if (node.op !== "Constant" || typeof value !== "object" || !("data" in value)) {
    throw new GraphError(`${node.op} is not a constant`);
  }
  return value;
}

/**
 * Returns every node that the values depend on, inputs before users, without the nodes that only `boundary` depends on.
 * Iterative: depth is limited by memory only.
 */
export function topologicalOrder(
  values: Iterable<Value>,
  boundary: ReadonlySet<Node> = new Set<Node>(),
): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack = Array.from(values, (value) => ({ node: value.node, expanded: false })).reverse();
  for (let top = stack.pop(); top; top = stack.pop()) {
    if (top.expanded) {
      order.push(top.node);
    } else if (!seen.has(top.node)) {
      seen.add(top.node);
      stack.push({ node: top.node, expanded: true });
      if (boundary.has(top.node)) continue;
      for (const { node } of top.node.inputs.toReversed()) stack.push({ node, expanded: false });
    }
  }
  return order;
}

/** The nodes that make the values, and those of `order`, inputs before users, that depend on them. */
export function dependents(order: readonly Node[], values: readonly Value[]): Set<Node> {
  const found = new Set<Node>(values.map((value) => value.node));
  for (const node of order) if (node.inputs.some((input) => found.has(input.node))) found.add(node);
  return found;
}
