import type { Value } from "../graph.js";
import { apply } from "../op.js";
import { sameShape } from "../tensor.js";
import type { Rule } from "./rewrite.js";

const BROADCASTING = new Set(["Add", "Sub", "Mul", "Div"]);

/**
 * Lets an elementwise operator broadcast by itself instead of reading a materialised `Expand`.
 * Bit-identical: the same numbers meet in the same operation.
 */
export const elideExpand: Rule = (node, inputs) => {
  const [a, b] = inputs;
  const output = node.outputs[0];
  if (!BROADCASTING.has(node.op) || !a || !b || !output) return undefined;
  const shortA = sameShape(b.shape, output.shape) ? unexpanded(a) : a;
  const shortB = sameShape(a.shape, output.shape) && shortA === a ? unexpanded(b) : b;
  if (shortA === a && shortB === b) return undefined;
  return [apply(node.op, [shortA, shortB], node.attributes)];
};

const unexpanded = (value: Value): Value =>
  value.node.op === "Expand" && value.node.inputs[0] ? value.node.inputs[0] : value;
