import { differentiate, evaluate, findDefinition, type Graph, type Tensor } from "@softmax-bench/graph";
import { TFJS_KERNELS } from "@softmax-bench/tfjs";
import { describe, expect, it } from "vitest";
import { SAMPLES, type Sample } from "./samples.js";
import { feedsFor, inputsOf, weighted } from "./support.js";
import { tapeGradients } from "./tape.js";

/** Operators that TensorFlow.js cannot vouch for: it has no gradient for these, or no double. PyTorch and central differences vouch for them. */
const SILENT = ["GatherElements", "ScatterElements", "Cast", "NegativeLogLikelihoodLoss"];

/** True if it is interpreted there, or as its body. */
const isInterpreted = (op: string): boolean => op in TFJS_KERNELS || findDefinition(op).body !== undefined;

/** TensorFlow.js has no pools over more than two axes, and convolutions have bodies. */
const isTaped = (op: string, { shapes: [x] }: Sample): boolean => op !== "MaxPool" || (x?.length ?? 0) <= 4;

describe.each(Object.entries(SAMPLES).filter(([op]) => isInterpreted(op) && !SILENT.includes(op)))(
  "%s",
  (op, samples) => {
    const taped = samples.filter((sample) => isTaped(op, sample));
    it.each(taped.map((sample, index) => [index, sample] as const))(
      "has the gradient that TensorFlow.js finds on its tape: #%d",
      async (_, { shapes, make }) => {
        const inputs = inputsOf(shapes, "float32");
        const result = weighted(make(...inputs));
        const gradients = differentiate(result, inputs);
        const graph: Graph = { name: op, inputs, outputs: Object.fromEntries(gradients.entries()) };
        const feeds = feedsFor(graph);
        const expected = evaluate(graph, feeds);
        const taped = await tapeGradients(result, inputs, feeds);
        for (const position of inputs.keys()) expectNear(taped[`x${position}`], expected[position]);
      },
    );
  },
);

function expectNear(actual: Float32Array | undefined, expected: Tensor | undefined): void {
  const values = Array.from(expected?.data ?? [], Number);
  const size = Math.max(...values.map(Math.abs), 1e-30);
  expect(actual?.length).toBe(values.length);
  const beyond = values.findIndex(
    (value, index) => !(Math.abs((actual?.[index] as number) - value) / size <= 1e-5),
  );
  expect(beyond, `${actual?.[beyond]}, not ${values[beyond]}`).toBe(-1);
}
