import {
  add,
  applyAll,
  constant,
  differentiate,
  evaluate,
  type Graph,
  input,
  isFloat,
  type Node,
  type Tensor,
  topologicalOrder,
  type Value,
} from "@softmax-bench/graph";
import { describe, expect, it } from "vitest";
import { SAMPLES, type Sample } from "./samples.js";
import { feedsFor, inputsOf, weighted } from "./support.js";

/** Blocks gradients: that is what it is for. */
const BLOCKING = "StopGradient";

/** One operator alone: each of its floating-point inputs is an input of the graph, whatever it is in the sample. */
interface Application {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly feeds: Readonly<Record<string, Tensor>>;
}

function applicationsOf(op: string, { shapes, make }: Sample): Application[] {
  const inputs = inputsOf(shapes, "float64");
  const graph: Graph = { name: "sample", inputs, outputs: { y: make(...inputs) } };
  const nodes = topologicalOrder(Object.values(graph.outputs)).filter((node) => node.op === op);
  return nodes.map((node) => applicationOf(node, graph));
}

function applicationOf({ op, inputs, attributes }: Node, graph: Graph): Application {
  const operands = Object.fromEntries(inputs.map((value, position) => [`operand${position}`, value]));
  const values = evaluate({ ...graph, outputs: operands }, feedsFor(graph));
  const own = inputs.map((value, position) => {
    const name = `operand${position}`;
    return isFloat(value) ? input(name, value.dtype, value.shape) : constant(values[name] as Tensor);
  });
  return {
    inputs: own.filter(isFloat),
    outputs: applyAll(op, own, attributes).filter(isFloat),
    feeds: values,
  };
}

/** Gradients of a result by differentiation, and by central differences, element by element of every input. */
function gradientsOf({ inputs, outputs, feeds }: Application) {
  const result = outputs.map(weighted).reduce(add);
  const gradients = Object.fromEntries(differentiate(result, inputs).entries());
  const graph: Graph = { name: "operator", inputs, outputs: { result } };
  const resultWith = (name: string, index: number, by: number) => {
    const original = feeds[name] as Tensor;
    const data = original.data.slice() as Float64Array;
    data[index] = (data[index] as number) + by;
    return Number(evaluate(graph, { ...feeds, [name]: { ...original, data } }).result?.data[0]);
  };
  const computed = evaluate({ ...graph, outputs: gradients }, feeds);
  // Of these operators, Cast alone has float32 results, and it is linear: a large step rounds least.
  const step = outputs.some(({ dtype }) => dtype === "float32") ? 1024 : 1e-5;
  return inputs.map((value, position) => {
    const name = String(value.node.attributes.name);
    const actual = Array.from((computed[position] as Tensor).data, Number);
    const expected = actual.map(
      (_, index) => (resultWith(name, index, step) - resultWith(name, index, -step)) / (2 * step),
    );
    return { name, actual, expected };
  });
}

describe.each(Object.entries(SAMPLES).filter(([op]) => op !== BLOCKING))("%s", (op, samples) => {
  const applications = samples.flatMap((sample) => applicationsOf(op, sample));
  const differentiable = applications.filter(
    ({ inputs, outputs }) => inputs.length > 0 && outputs.length > 0,
  );

  it("is applied by each of its samples", () => {
    expect(applications.length).toBeGreaterThanOrEqual(samples.length);
  });

  it.each([...differentiable.entries()])(
    "has the gradient that central differences have, in every floating-point input: #%d",
    (_, application) => {
      for (const { name, actual, expected } of gradientsOf(application)) {
        const size = Math.max(1, ...expected.map(Math.abs));
        for (const [index, value] of actual.entries()) {
          const difference = Math.abs(value - (expected[index] as number));
          expect(difference, `${name}[${index}] = ${value}, not ${expected[index]}`).toBeLessThanOrEqual(
            1e-6 * size,
          );
        }
      }
    },
  );
});
