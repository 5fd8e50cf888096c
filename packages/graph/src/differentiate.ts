import { GraphError } from "./error.js";
import { dependents, type Node, topologicalOrder, type Value } from "./graph.js";
import { describeNode, findDefinition } from "./op.js";
import { Recomputation } from "./recomputation.js";
import { formatType, sameShape, sizeOf } from "./tensor.js";
import { add, expand, scalar } from "./vocabulary/index.js";

/**
 * Reverse-mode differentiation: gradients of `result` with respect to each of `wrt`, as values of the same
 * graph vocabulary (so they can be serialised, evaluated and differentiated again).
 *
 * @param upstream gradient of some later quantity with respect to `result`, of its shape; 1 by default.
 * @param checkpoints values to keep for the backward pass, which computes those between them again: see `Recomputation`.
 * None by default: all are kept.
 * @returns one value per entry of `wrt`, of its shape and dtype; zeros where `result` does not depend on it.
 * @throws GraphError if an operator between `wrt` and `result` has no gradient rule, naming the node.
 */
export function differentiate(
  result: Value,
  wrt: readonly Value[],
  upstream: Value = expand(scalar(1, result.dtype), result.shape),
  checkpoints: readonly Value[] = [],
): Value[] {
  if (!sameShape(upstream.shape, result.shape)) {
    throw new GraphError(
      `the upstream gradient of a ${formatType(result)} must have its shape, got ${formatType(upstream)}`,
    );
  }
  const gradients = pullBack([result], wrt, [upstream], { checkpoints });
  return wrt.map((value, index) => gradients[index] ?? expand(scalar(0, value.dtype), value.shape));
}

/**
 * The sum over all results of their gradients with respect to each of `wrt`; undefined if no result depends on it.
 *
 * @param upstream one per result; undefined for a result that does not count.
 * @param boundary nodes at which gradients stop; checkpoints as for `differentiate`.
 */
export function pullBack(
  results: readonly Value[],
  wrt: readonly Value[],
  upstream: readonly (Value | undefined)[],
  { boundary, checkpoints = [] }: { boundary?: ReadonlySet<Node>; checkpoints?: readonly Value[] } = {},
): (Value | undefined)[] {
  const found = topologicalOrder(results, boundary);
  const recomputation = checkpoints.length > 0 ? new Recomputation(found, checkpoints, wrt) : undefined;
  const order = recomputation?.order ?? found;
  const active = dependents(order, wrt);
  const gradients = new Map<Value, Value>();
  const accumulate = (value: Value, contribution: Value) => {
    // Runtimes disagree on arithmetic with empty tensors, and no gradient flows through them.
    if (sizeOf(value.shape) === 0) return;
    const sum = gradients.get(value);
    gradients.set(value, sum ? add(sum, contribution) : contribution);
  };
  for (const [index, result] of results.entries()) {
    const seed = upstream[index];
    if (seed) accumulate(result, seed);
  }

  for (const node of order.toReversed()) {
    if (!active.has(node) || !node.outputs.some((output) => gradients.has(output))) continue;
    if (node.inputs.length === 0 || boundary?.has(node)) continue;
    const { gradient } = findDefinition(node.op);
    if (!gradient) throw new GraphError(`${describeNode(node)} has no gradient`);

    const { inputs, outputs } = recomputation?.operands(node, gradients) ?? node;
    const upstreams = node.outputs.map((output) => gradients.get(output));
    const downstream = gradient({ inputs, outputs, attributes: node.attributes, upstream: upstreams });
    for (const [position, input] of node.inputs.entries()) {
      const contribution = downstream[position];
      if (contribution && active.has(input.node)) accumulate(input, contribution);
    }
  }
  return wrt.map((value) => gradients.get(value));
}
