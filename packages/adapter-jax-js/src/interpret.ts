import {
  constantTensor,
  type Graph,
  inputName,
  type Node,
  topologicalOrder,
  type Value,
} from "@softmax-bench/graph";
import type { Jax, JaxArray } from "./load.js";
import { jaxDType, OP_TABLE } from "./op-table.js";

/**
 * Runs a graph op by op, or records it inside `jit` or `grad`. Consumes its inputs, as functions of jax-js do.
 * @throws Error if an operator has no entry in the op table, or an input is not fed.
 */
export function interpret<Output extends string>(
  jax: Jax,
  graph: Graph,
  feeds: Readonly<Record<string, JaxArray>>,
): Record<Output, JaxArray> {
  const arrays = new Map<Value, JaxArray>();
  for (const node of topologicalOrder(Object.values(graph.outputs))) {
    const [first] = node.outputs;
    if (first) arrays.set(first, compute(jax, node, arrays, feeds));
  }
  const outputs = Object.entries(graph.outputs).map(([name, value]) => [name, arrays.get(value)?.ref]);
  for (const array of [...arrays.values(), ...Object.values(feeds)]) array.dispose();
  return Object.fromEntries(outputs) as Record<Output, JaxArray>;
}

function compute(
  jax: Jax,
  node: Node,
  arrays: ReadonlyMap<Value, JaxArray>,
  feeds: Readonly<Record<string, JaxArray>>,
): JaxArray {
  const [first] = node.outputs;
  if (node.op === "Constant") {
    const { data, shape, dtype } = constantTensor(node);
    const values = jax.numpy.array(Array.from(data, Number), { dtype: jaxDType(jax, dtype) });
    return jax.numpy.reshape(values, [...shape]);
  }
  if (node.op === "Input" && first) {
    const fed = feeds[inputName(first)];
    if (!fed) throw new Error(`input "${inputName(first)}" was not fed`);
    return fed.ref;
  }
  const read = OP_TABLE[node.op];
  if (!read) throw new Error(`${node.op} is not in jax-js's op table`);
  const inputs = node.inputs.map((input) => (arrays.get(input) as JaxArray).ref);
  return read(jax, inputs, node);
}
