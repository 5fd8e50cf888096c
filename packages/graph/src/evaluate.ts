import { GraphError } from "./error.js";
import { constantTensor, type Graph, inputName, topologicalOrder, type Value } from "./graph.js";
import { evaluateNode } from "./op.js";
import { formatType, sameShape, type Tensor } from "./tensor.js";

/**
 * The reference interpreter: runs a graph on host tensors. It is deliberately slow and plain: it defines the semantics
 * that runtimes are compared with.
 * @throws GraphError if an input is missing or has another type than declared.
 */
export function evaluate(graph: Graph, feeds: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const tensors = new Map<Value, Tensor>();
  for (const node of topologicalOrder(Object.values(graph.outputs))) {
    const results = compute(node, tensors, feeds);
    for (const [position, output] of node.outputs.entries()) tensors.set(output, results[position] as Tensor);
  }
  return Object.fromEntries(
    Object.entries(graph.outputs).map(([name, value]) => [name, tensors.get(value) as Tensor]),
  );
}

function compute(
  node: Value["node"],
  tensors: ReadonlyMap<Value, Tensor>,
  feeds: Readonly<Record<string, Tensor>>,
): readonly Tensor[] {
  if (node.op === "Constant") return [constantTensor(node)];
  if (node.op === "Input") return node.outputs.map((output) => feed(output, feeds));
  const inputs = node.inputs.map((input) => tensors.get(input) as Tensor);
  return evaluateNode(node, inputs);
}

function feed(value: Value, feeds: Readonly<Record<string, Tensor>>): Tensor {
  const name = inputName(value);
  const given = feeds[name];
  if (!given) throw new GraphError(`input "${name}" (${formatType(value)}) was not fed`);
  if (given.dtype !== value.dtype || !sameShape(given.shape, value.shape)) {
    throw new GraphError(`input "${name}" is ${formatType(value)}, was fed ${formatType(given)}`);
  }
  return given;
}
