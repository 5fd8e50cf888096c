import {
  differentiate,
  evaluate,
  type FloatDType,
  type Graph,
  input,
  optimize,
  type Shape,
  sizeOf,
  type Tensor,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import { expect } from "vitest";
import { expectClose, weighted } from "./support.js";
import { tapeGradients } from "./tape.js";

/** Numbers between -1 and 1 that a seed determines, none like another. */
export function numbersFrom(seed: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Math.sin(seed * 12.9898 + (index + 1) * 78.233));
}

export interface Checked {
  readonly shapes: readonly Shape[];
  /** The function, of inputs of those shapes. */
  readonly make: (...inputs: Value[]) => Value;
  readonly seed: number;
  /** True if TensorFlow.js can differentiate it. */
  readonly tape: boolean;
}

/**
 * Compares the gradient along one direction in the space of all inputs with the central difference, the gradient of the
 * optimised graph with that of the plain one, and the gradient with that of TensorFlow.js's tape.
 */
export async function expectGradient({ shapes, make, seed, tape }: Checked): Promise<void> {
  const graphIn = (dtype: FloatDType) => {
    const inputs = shapes.map((shape, position) => input(`x${position}`, dtype, shape));
    const result = weighted(make(...inputs));
    const gradients = differentiate(result, inputs);
    const graph: Graph = {
      name: "t",
      inputs,
      outputs: { result, ...Object.fromEntries(gradients.entries()) },
    };
    return { inputs, result, graph };
  };
  const { graph } = graphIn("float64");
  const values = shapes.map((shape, position) => numbersFrom(seed + position, sizeOf(shape)));
  const direction = shapes.map((shape, position) => numbersFrom(seed + 0.5 + position, sizeOf(shape)));
  const feedsAt = (step: number, dtype: FloatDType = "float64") =>
    Object.fromEntries(
      shapes.map((shape, position) => {
        const along = direction[position] as number[];
        const moved = (values[position] as number[]).map((x, index) => x + step * (along[index] as number));
        return [`x${position}`, tensor(dtype, shape, moved)] as const;
      }),
    );
  const resultAt = (step: number) => Number(evaluate(graph, feedsAt(step)).result?.data[0]);
  const step = 1e-6;
  const difference = (resultAt(step) - resultAt(-step)) / (2 * step);
  const computed = evaluate(graph, feedsAt(0));
  let [slope, scale] = [0, 1 + Math.abs(resultAt(0))];
  for (const [position, along] of direction.entries()) {
    for (const [index, by] of along.entries()) {
      const term = by * Number((computed[position] as Tensor).data[index]);
      slope += term;
      scale += Math.abs(term);
    }
  }
  expect(Math.abs(slope - difference)).toBeLessThanOrEqual(1e-6 * scale);

  expectClose(evaluate(optimize(graph), feedsAt(0)), computed, 1e-12);

  if (!tape) return;
  const single = graphIn("float32");
  const taped = await tapeGradients(single.result, single.inputs, feedsAt(0, "float32"));
  for (const position of shapes.keys()) {
    const values = Array.from((computed[position] as Tensor).data, Number);
    const found = taped[`x${position}`];
    const beyond = values.findIndex(
      (value, index) => !(Math.abs((found?.[index] as number) - value) <= 1e-4 * scale),
    );
    expect(beyond, `${found?.[beyond]}, not ${values[beyond]}`).toBe(-1);
  }
}
