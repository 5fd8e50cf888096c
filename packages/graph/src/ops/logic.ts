import { broadcastShapes } from "../broadcast.js";
import { GraphError } from "../error.js";
import type { OpDefinition } from "../op.js";
import type { TensorType } from "../tensor.js";
import { broadcastReader, expectInputs, generate } from "./support.js";

/** Logic on `bool`, through which no gradient flows. */

function expectBool(inputs: readonly TensorType[]): void {
  const other = inputs.find(({ dtype }) => dtype !== "bool");
  if (other) throw new GraphError(`takes bool, got ${other.dtype}`);
}

const connective = (name: string, compute: (a: boolean, b: boolean) => boolean): OpDefinition => ({
  name,
  infer: (inputs) => {
    const [a, b] = expectInputs(inputs, 2);
    expectBool([a, b]);
    return [{ dtype: "bool", shape: broadcastShapes(a.shape, b.shape) }];
  },
  evaluate: ([a, b], _, [type]) => {
    if (!a || !b || !type) return [];
    const [ofA, ofB] = [broadcastReader(a, type.shape), broadcastReader(b, type.shape)];
    return [generate(type, (index) => Number(compute(ofA(index) === 1, ofB(index) === 1)))];
  },
  gradient: () => [undefined, undefined],
});

export const And = connective("And", (a, b) => a && b);
export const Or = connective("Or", (a, b) => a || b);

export const Not: OpDefinition = {
  name: "Not",
  infer: (inputs) => {
    const [x] = expectInputs(inputs, 1);
    expectBool([x]);
    return [x];
  },
  evaluate: ([x], _, [type]) => (x && type ? [generate(type, (index) => Number(x.data[index] === 0))] : []),
  gradient: () => [undefined],
};
