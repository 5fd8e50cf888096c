import {
  constant,
  differentiate,
  evaluate,
  type Graph,
  input,
  mul,
  reduceSum,
  type Shape,
  sizeOf,
  type Tensor,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import { expect } from "vitest";

/** A scalar that depends on every element, with different weights. */
export function weighted(value: Value): Value {
  const weights = Array.from({ length: sizeOf(value.shape) }, (_, i) => 0.3 + ((i * 7) % 5));
  return reduceSum(mul(value, constant(tensor("float64", value.shape, weights))));
}

/** Numbers between -1 and 1 that a seed determines, none like another. */
export function numbersFrom(seed: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Math.sin(seed * 12.9898 + (index + 1) * 78.233));
}

/**
 * Compares the gradient, along one direction in the space of all inputs, with the central difference.
 * @param make the function, of inputs of those shapes
 */
export function expectGradient(
  shapes: readonly Shape[],
  make: (...inputs: Value[]) => Value,
  seed: number,
): void {
  const inputs = shapes.map((shape, position) => input(`x${position}`, "float64", shape));
  const result = weighted(make(...inputs));
  const gradients = differentiate(result, inputs);
  const graph: Graph = { name: "t", inputs, outputs: { result, ...Object.fromEntries(gradients.entries()) } };
  const values = shapes.map((shape, position) => numbersFrom(seed + position, sizeOf(shape)));
  const direction = shapes.map((shape, position) => numbersFrom(seed + 0.5 + position, sizeOf(shape)));
  const at = (step: number) =>
    evaluate(
      graph,
      Object.fromEntries(
        shapes.map((shape, position) => [
          `x${position}`,
          tensor(
            "float64",
            shape,
            (values[position] as number[]).map((x, i) => x + step * (direction[position]?.[i] as number)),
          ),
        ]),
      ),
    );
  const numberAt = (step: number) => Number(at(step).result?.data[0]);
  const step = 1e-6;
  const expected = (numberAt(step) - numberAt(-step)) / (2 * step);
  const computed = at(0);
  let [actual, scale] = [0, 1];
  for (const [position, along] of direction.entries()) {
    for (const [index, by] of along.entries()) {
      const term = by * Number((computed[position] as Tensor).data[index]);
      actual += term;
      scale += Math.abs(term);
    }
  }
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-7 * scale);
}
