import { GraphError } from "../error.js";
import type { Graph, Value } from "../graph.js";
import { formatType, sameShape } from "../tensor.js";
import { rewrite } from "./rewrite.js";

/**
 * Returns the graph's outputs as functions of other values than its inputs: this stacks one graph on another.
 * @throws GraphError if a value does not have the type of the input that it replaces.
 */
export function substitute(graph: Graph, replacements: ReadonlyMap<Value, Value>): Graph["outputs"] {
  for (const [input, value] of replacements) {
    if (input.dtype !== value.dtype || !sameShape(input.shape, value.shape)) {
      throw new GraphError(`a ${formatType(value)} cannot take the place of a ${formatType(input)}`);
    }
  }
  return rewrite(graph, ({ outputs: [value] }) => {
    const replacement = value && replacements.get(value);
    return replacement ? [replacement] : undefined;
  }).outputs;
}
