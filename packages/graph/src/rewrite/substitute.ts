import { type Graph, GraphError, type Value } from "../graph.js";
import { formatType, sameShape } from "../tensor.js";
import { rewrite } from "./rewrite.js";

/**
 * The graph's outputs as functions of other values than its inputs: this is how one graph is put on top of another.
 * @throws GraphError if a value is not of the type of the input that it replaces.
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
