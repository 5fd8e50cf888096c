import {
  evaluate,
  type FloatDType,
  type Graph,
  GraphError,
  isFloat,
  legalize,
  operatorNames,
  topologicalOrder,
} from "@softmax-bench/graph";
import { ONNXRUNTIME_CPU, serialize } from "@softmax-bench/onnx";
import { InferenceSession } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { SAMPLES, type Sample } from "./samples.js";
import { expectClose, feedsFor, graphOf, inputsOf, isMissing, runInRuntime } from "./support.js";

const DTYPES = ["float32", "float64"] as const;
/** Relative to the largest element. */
const TOLERANCE = { float32: 4e-6, float64: 1e-14 };
it("every operator has a sample, and a line in the table of kernels", () => {
  expect(Object.keys(SAMPLES).sort()).toEqual(operatorNames());
  expect(Object.keys(ONNXRUNTIME_CPU).sort()).toEqual(operatorNames());
});

describe.each(Object.entries(SAMPLES))("%s and its gradient in ONNX Runtime", (op, samples) => {
  const casesOf = <D extends FloatDType>(dtypes: readonly D[]) =>
    dtypes.flatMap((dtype) => samples.map((sample, index) => [dtype, index, sample] as const));

  it.each(casesOf(DTYPES))("are those of the reference interpreter: %s #%d", async (dtype, _, sample) => {
    const graph = graphOf(sample, dtype);
    const feeds = feedsFor(graph);
    if (isMissing(op, dtype)) {
      const message = `${op}(float64[3,4]): the runtime has no float64 kernel for it`;
      expect(() => legalize(graph, ONNXRUNTIME_CPU)).toThrow(new GraphError(message));
      return;
    }
    const legal = legalize(graph, ONNXRUNTIME_CPU);
    expectClose(await runInRuntime(legal, feeds), evaluate(graph, feeds), TOLERANCE[dtype]);
  });

  it.each(casesOf([...DTYPES, "float16"]))(
    "has a kernel where the table says so: %s #%d",
    async (dtype, _, sample) => {
      const graph = forward(sample, dtype);
      const node = topologicalOrder(Object.values(graph.outputs)).find((of) => of.op === op);
      const entry = ONNXRUNTIME_CPU[op] ?? [];
      const dtypes = typeof entry === "function" ? (node ? entry(node) : []) : entry;
      // Left out although it is there: see the table.
      const avoided = op === "OneHot" && dtype !== "float64";
      const inTraining = node?.attributes.training_mode === 1;
      const expected = dtypes.includes(dtype) || avoided || inTraining;
      expect(await loads(graph)).toBe(expected);
    },
  );
});

function forward({ shapes, make }: Sample, dtype: FloatDType): Graph {
  const inputs = inputsOf(shapes, dtype);
  return { name: "forward", inputs: inputs.filter(isFloat), outputs: { y: make(...inputs) } };
}

async function loads(graph: Graph): Promise<boolean> {
  try {
    await (
      await InferenceSession.create(serialize(graph), { logSeverityLevel: 4, intraOpNumThreads: 1 })
    ).release();
    return true;
  } catch (error) {
    expect(String(error)).toMatch(/Could not find an implementation|NOT_IMPLEMENTED|Type Error/);
    return false;
  }
}
