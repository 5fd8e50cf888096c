import {
  constant,
  differentiate,
  type FloatDType,
  findDefinition,
  type Graph,
  input,
  inputName,
  mul,
  reduceSum,
  type Shape,
  sizeOf,
  type Tensor,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import { ONNXRUNTIME_CPU, serialize } from "@softmax-bench/onnx";
import { InferenceSession, Tensor as RuntimeTensor } from "onnxruntime-node";
import { expect } from "vitest";
import type { Sample } from "./samples.js";

/** Numbers between 0.2 and 1.8, none like another. */
export const numbers = (count: number): number[] =>
  Array.from({ length: count }, (_, index) => 1 + 0.8 * Math.sin(78.233 * (index + 1)));

/** The sample's result, and the gradient of a weighted sum of it with respect to each of its inputs. */
export function graphOf({ shapes, make }: Sample, dtype: FloatDType): Graph {
  const inputs = inputsOf(shapes, dtype);
  const y = make(...inputs);
  const gradients = differentiate(weighted(y), inputs);
  const named = gradients.map((gradient, index) => [`gradient${index}`, gradient] as const);
  return { name: "sample", inputs, outputs: { y, ...Object.fromEntries(named) } };
}

/** A scalar that depends on every element, with different weights. */
export function weighted(y: Value): Value {
  const weights = numbers(sizeOf(y.shape)).map((x) => x - 0.9);
  return reduceSum(mul(y, constant(tensor(y.dtype, y.shape, weights))));
}

export const inputsOf = (shapes: readonly Shape[], dtype: FloatDType): Value[] =>
  shapes.map((shape, index) => input(`x${index}`, dtype, shape));

export const feedsFor = (graph: Graph): Record<string, Tensor> =>
  Object.fromEntries(
    graph.inputs.map((value, index) => {
      const values = numbers(sizeOf(value.shape) + 1000 * index).slice(1000 * index);
      return [inputName(value), tensor(value.dtype, value.shape, values)];
    }),
  );

/** True if ONNX Runtime's CPU provider has neither a kernel for an operator on this type nor for its body. */
export function isMissing(op: string, dtype: FloatDType): boolean {
  const kernels = ONNXRUNTIME_CPU[op] ?? [];
  return Array.isArray(kernels) && !kernels.includes(dtype) && !findDefinition(op).body;
}

/** Computes a graph in ONNX Runtime. */
export const runInRuntime = (graph: Graph, feeds: Readonly<Record<string, Tensor>>) =>
  runModel(serialize(graph), feeds);

export async function runModel(
  model: Uint8Array,
  feeds: Readonly<Record<string, Tensor>>,
  // Beyond "basic", ONNX Runtime fuses a double scale into a product as a float32 attribute: 1e-9 off.
  graphOptimizationLevel: "disabled" | "basic" | "all" = "basic",
): Promise<Record<string, Tensor>> {
  const options = { logSeverityLevel: 4, graphOptimizationLevel, intraOpNumThreads: 1 } as const;
  const session = await InferenceSession.create(model, options);
  const fed = session.inputNames.map((name) => {
    const { dtype, shape, data } = feeds[name] as Tensor;
    return [name, new RuntimeTensor(dtype as "float32", data as Float32Array, shape)];
  });
  const outputs = await session.run(Object.fromEntries(fed) as Record<string, RuntimeTensor>);
  await session.release();
  return Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => {
      const { dims, data } = value as RuntimeTensor;
      const dtype = data instanceof Float32Array ? "float32" : "float64";
      return [name, { dtype, shape: dims, data: data as Float32Array }];
    }),
  );
}

/** Compares outputs, relative to the largest element of each. */
export function expectClose(
  actual: Readonly<Record<string, Tensor>>,
  expected: Readonly<Record<string, Tensor>>,
  tolerance: number,
): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, { shape, data }] of Object.entries(expected)) {
    expect(actual[name]?.shape, name).toEqual(shape);
    const values = Array.from(data, Number);
    const size = values
      .filter(Number.isFinite)
      .reduce((most, value) => Math.max(most, Math.abs(value)), 1e-300);
    const differences = values.map((value, index) => {
      const found = Number(actual[name]?.data[index]);
      return Object.is(found, value) ? 0 : Math.abs(found - value) / size;
    });
    const beyond = differences.findIndex((difference) => !(difference <= tolerance));
    expect(differences[beyond] ?? 0, `${name}[${beyond}]`).toBeLessThanOrEqual(tolerance);
  }
}
