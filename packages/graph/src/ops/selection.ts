import { broadcastShapes } from "../broadcast.js";
import { GraphError } from "../error.js";
import type { OpDefinition } from "../op.js";
import { scalar, sumTo, where } from "../vocabulary/index.js";
import { broadcastReader, expectInputs, generate } from "./support.js";

/** Elements of the second input where the first (bool) holds, of the third elsewhere; all three broadcast. */
export const Where: OpDefinition = {
  name: "Where",
  infer: (inputs) => {
    const [condition, a, b] = expectInputs(inputs, 3);
    if (condition.dtype !== "bool")
      throw new GraphError(`the condition must be bool, got ${condition.dtype}`);
    if (a.dtype !== b.dtype)
      throw new GraphError(`operands must have one dtype, got ${a.dtype} and ${b.dtype}`);
    return [{ dtype: a.dtype, shape: broadcastShapes(condition.shape, broadcastShapes(a.shape, b.shape)) }];
  },
  evaluate: ([condition, a, b], _, [type]) => {
    if (!condition || !a || !b || !type) return [];
    const holds = broadcastReader(condition, type.shape);
    const [ofA, ofB] = [broadcastReader(a, type.shape), broadcastReader(b, type.shape)];
    return [generate(type, (index) => (holds(index) ? ofA(index) : ofB(index)))];
  },
  gradient: ({ inputs: [condition, a, b], upstream: [upstream] }) => {
    if (!condition || !a || !b || !upstream) return [];
    const zero = scalar(0, upstream.dtype);
    return [
      undefined,
      sumTo(where(condition, upstream, zero), a.shape),
      sumTo(where(condition, zero, upstream), b.shape),
    ];
  },
};
