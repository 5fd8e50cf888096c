import {
  add,
  div,
  expand,
  matMul,
  mul,
  neg,
  reduceSum,
  relu,
  scalar,
  sigmoid,
  sub,
  tanh,
  transpose,
  type Value,
} from "@softmax-bench/graph";
import fc from "fast-check";
import { describe, it } from "vitest";
import { expectGradient } from "./gradients.js";

describe("random graphs", () => {
  /** Steps that each take values made before, by number. */
  const step = fc.record({
    op: fc.constantFrom(
      "add",
      "sub",
      "mul",
      "sigmoid",
      "tanh",
      "relu",
      "expand",
      "sum",
      "transpose",
      "neg",
      "one",
      "dot",
    ),
    a: fc.nat(100),
    b: fc.nat(100),
  });
  const program = fc.record({
    steps: fc.array(step, { minLength: 2, maxLength: 12 }),
    seed: fc.integer({ min: 1, max: 10_000 }),
  });

  /** Every value is a 3 × 3 matrix. */
  function build(inputs: readonly Value[], steps: readonly { op: string; a: number; b: number }[]): Value {
    const made = [...inputs];
    for (const { op, a: first, b: second } of steps) {
      const [a, b] = [made[first % made.length] as Value, made[second % made.length] as Value];
      const half = scalar(0.5, a.dtype);
      const next: Record<string, () => Value> = {
        add: () => add(a, b),
        sub: () => sub(a, b),
        mul: () => mul(a, b),
        neg: () => neg(a),
        sigmoid: () => sigmoid(a),
        tanh: () => tanh(a),
        relu: () => relu(add(a, half)),
        expand: () => expand(reduceSum(a, { axes: [1], keepdims: true }), [3, 3]),
        sum: () => mul(a, reduceSum(sigmoid(b))),
        transpose: () => transpose(a),
        one: () => div(mul(a, scalar(1, a.dtype)), expand(scalar(1, a.dtype), [3, 3])),
        dot: () => mul(matMul(tanh(a), tanh(b)), half),
      };
      made.push((next[op] as () => Value)());
    }
    return made.at(-1) as Value;
  }

  it("have the gradients that central differences and TensorFlow.js have, before and after optimisation", async () => {
    const property = fc.asyncProperty(program, async ({ steps, seed }) => {
      const make = (...inputs: Value[]) => build(inputs, steps);
      await expectGradient({
        shapes: [
          [3, 3],
          [3, 3],
        ],
        make,
        seed,
        tape: true,
      });
    });
    await fc.assert(property, { numRuns: 100, seed: 7 });
  });
});
