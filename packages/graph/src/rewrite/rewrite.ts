import { GraphError } from "../error.js";
import { type Graph, type Node, topologicalOrder, type Value } from "../graph.js";
import { applyAll } from "../op.js";

/** Replaces a node, given its rewritten inputs, by values of the same types, or keeps it by returning `undefined`. */
export type Rule = (node: Node, inputs: readonly Value[]) => readonly Value[] | undefined;

/** Applies the first rule that matches at each node, inputs first. Nodes that are no longer used are dropped. */
export function rewrite(graph: Graph, ...rules: readonly Rule[]): Graph {
  const replaced = new Map<Value, Value>();
  const current = (value: Value): Value => replaced.get(value) ?? value;

  for (const node of topologicalOrder(Object.values(graph.outputs))) {
    const inputs = node.inputs.map(current);
    const outputs = firstMatch(rules, node, inputs) ?? rebuilt(node, inputs);
    for (const [position, output] of node.outputs.entries()) {
      const replacement = outputs[position];
      if (!replacement) throw new GraphError(`a rewrite of ${node.op} lost output #${position}`);
      replaced.set(output, replacement);
    }
  }
  return {
    ...graph,
    outputs: Object.fromEntries(Object.entries(graph.outputs).map(([name, value]) => [name, current(value)])),
  };
}

function firstMatch(rules: readonly Rule[], node: Node, inputs: readonly Value[]) {
  for (const rule of rules) {
    const outputs = rule(node, inputs);
    if (outputs) return outputs;
  }
  return undefined;
}

const rebuilt = (node: Node, inputs: readonly Value[]): readonly Value[] =>
  inputs.every((input, position) => input === node.inputs[position])
    ? node.outputs
    : applyAll(node.op, inputs, node.attributes);
