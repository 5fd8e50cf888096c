import { readFileSync } from "node:fs";
import { legalize, optimize, type Tensor, tensor } from "@softmax-bench/graph";
import {
  ModelError,
  mergeAdapters,
  ONNXRUNTIME_CPU,
  parseModel,
  sgd,
  trainingGraph,
  trainingStep,
  withAdapters,
  writeBack,
} from "@softmax-bench/onnx";
import { describe, expect, it } from "vitest";
import { attribute, DOUBLE, modelOf, type TensorInit } from "./build-model.js";
import { runModel } from "./support.js";
import { carriedOver, openSession } from "./training-loop.js";

type Numbers = Readonly<Record<string, readonly number[]>>;

/** As `adapters.py` writes it. */
const expected: {
  readonly rank: number;
  readonly scale: number;
  readonly rate: number;
  readonly steps: number;
  readonly labels: readonly number[];
  readonly x: readonly number[];
  readonly weights: Numbers;
  readonly start: Numbers;
  readonly after: Numbers;
  readonly merged: Numbers;
  readonly logits: readonly number[];
} = JSON.parse(readFileSync(new URL("fixtures/adapters.json", import.meta.url), "utf8"));
const { rank, scale } = expected;

const stored = (name: string, dims: readonly number[]): TensorInit => ({
  name,
  dataType: DOUBLE,
  dims: dims.map(BigInt),
  rawData: new Uint8Array(Float64Array.from(expected.weights[name] ?? []).buffer),
});

/** The network of `adapters.py`: a Gemm with a transposed weight, as PyTorch exports it, and a MatMul. */
const bytes = modelOf({
  nodes: [
    { opType: "Gemm", input: ["x", "first", "bias"], output: ["h"], attribute: [attribute("transB", 1)] },
    { opType: "Tanh", input: ["h"], output: ["t"] },
    { opType: "MatMul", input: ["t", "second"], output: ["y"] },
  ],
  tensors: [stored("first", [6, 4]), stored("bias", [6]), stored("second", [6, 3])],
  shape: [5, 4],
  elemType: DOUBLE,
});
const model = parseModel(bytes);
const SHAPES: Readonly<Record<string, readonly number[]>> = {
  "first.lora.B": [6, rank],
  "first.lora.A": [rank, 4],
  "second.lora.B": [6, rank],
  "second.lora.A": [rank, 3],
};
const adaptersOf = (numbers: Numbers): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(SHAPES).map(([name, shape]) => [name, tensor("float64", shape, numbers[name] ?? [])]),
  );
const x = tensor("float64", [5, 4], expected.x);

function expectNear(found: Tensor | undefined, values: readonly number[]): void {
  expect(found?.data).toHaveLength(values.length);
  for (const [index, value] of values.entries()) expect(Number(found?.data[index])).toBeCloseTo(value, 12);
}

describe("low-rank adapters", () => {
  it("train as in PyTorch, are the only parameters, and are merged into the model's own file", async () => {
    const graph = withAdapters(model, model.graph(), { rank, scale, isTarget: () => true });
    const step = trainingStep(trainingGraph(graph), { optimizer: sgd() });
    expect(step.inputs.map(({ node }) => node.attributes.name)).toEqual([
      "x",
      ...Object.keys(SHAPES),
      "labels",
      "learning_rate",
    ]);
    const session = await openSession(legalize(optimize(step), ONNXRUNTIME_CPU));
    let feeds: Record<string, Tensor> = {
      x,
      labels: tensor("int64", [5], expected.labels),
      learning_rate: tensor("float64", [], [expected.rate]),
      ...adaptersOf(expected.start),
    };
    for (let count = 0; count < expected.steps; count++) feeds = carriedOver(feeds, await session.run(feeds));
    await session.release();
    for (const [name, values] of Object.entries(expected.after)) expectNear(feeds[name], values);

    const trained = new Map(Object.keys(SHAPES).map((name) => [name, feeds[name] as Tensor]));
    const merged = mergeAdapters(model, trained, scale);
    for (const [name, values] of Object.entries(expected.merged)) expectNear(merged.get(name), values);
    const { y } = await runModel(writeBack(bytes, merged), { x });
    expectNear(y, expected.logits);
  });

  it("adapt the chosen weights only", () => {
    const graph = withAdapters(model, model.graph(), { rank, isTarget: (name) => name === "second" });
    expect([...graph.parameters.keys()]).toEqual(["second.lora.B", "second.lora.A"]);
  });

  it.each<[string, () => unknown, string]>([
    [
      "no weight",
      () => withAdapters(model, model.graph(), { rank, isTarget: (name) => name === "bias" }),
      'no matrix of a MatMul or Gemm is chosen for adapters; there are "first", "second"',
    ],
    [
      "a rank that is too large",
      () => withAdapters(model, model.graph(), { rank: 4, isTarget: () => true }),
      '"second" is [6,3]: adapters have a rank from 1 to 3, got 4',
    ],
    [
      "half of a pair",
      () => mergeAdapters(model, new Map([["first.lora.A", tensor("float64", [1, 4], [1, 2, 3, 4])]])),
      '"first.lora.B" is missing',
    ],
    [
      "adapters of another weight",
      () =>
        mergeAdapters(
          model,
          new Map([
            ["first.lora.A", tensor("float64", [1, 3], [1, 2, 3])],
            ["first.lora.B", tensor("float64", [6, 1], [1, 2, 3, 4, 5, 6])],
          ]),
        ),
      'do not fit "first", float64[6,4]',
    ],
  ])("refuse %s", (_, make, message) => {
    expect(make).toThrow(ModelError);
    expect(make).toThrow(message);
  });
});
