import { readFileSync } from "node:fs";
import {
  evaluate,
  type Graph,
  legalize,
  optimize,
  type Tensor,
  tensor,
  topologicalOrder,
} from "@softmax-bench/graph";
import {
  accumulationStep,
  applyStep,
  ModelError,
  ONNXRUNTIME_CPU,
  parseModel,
  type ReadGraph,
  sgd,
  trainingGraph,
  trainingStep,
  withDynamicScale,
  withMixedPrecision,
  withScaledLoss,
  withUnscaledGradients,
} from "@softmax-bench/onnx";
import { describe, expect, it, onTestFinished } from "vitest";
import { attribute, floats, modelOf, type NodeInit } from "./build-model.js";
import { carriedOver, openSession, zerosFor } from "./training-loop.js";

/** As `mixed_precision.py` writes it. */
interface Expected {
  readonly labels: readonly number[];
  readonly rate: number;
  readonly growthInterval: number;
  readonly cases: readonly {
    readonly network: "dense" | "convolutional";
    readonly scale: number;
    readonly x: readonly number[];
    readonly start: Readonly<
      Record<string, { readonly shape: readonly number[]; readonly data: readonly number[] }>
    >;
    readonly losses: readonly number[];
    readonly scales: readonly number[];
    readonly parameters: Readonly<Record<string, readonly number[]>>;
  }[];
}

const { labels, rate, growthInterval, cases }: Expected = JSON.parse(
  readFileSync(new URL("fixtures/mixed-precision.json", import.meta.url), "utf8"),
);
const ROWS = labels.length;

const NETWORKS: Readonly<Record<string, { readonly shape: readonly number[]; readonly nodes: NodeInit[] }>> =
  {
    dense: {
      shape: [ROWS, 4],
      nodes: [
        { opType: "MatMul", input: ["x", "w1"], output: ["a"] },
        { opType: "Add", input: ["a", "b1"], output: ["b"] },
        { opType: "Tanh", input: ["b"], output: ["h"] },
        { opType: "MatMul", input: ["h", "w2"], output: ["c"] },
        { opType: "Add", input: ["c", "b2"], output: ["y"] },
      ],
    },
    convolutional: {
      shape: [ROWS, 2, 5, 5],
      nodes: [
        { opType: "Conv", input: ["x", "filter"], output: ["a"] },
        { opType: "Relu", input: ["a"], output: ["h"] },
        {
          opType: "ReduceMean",
          input: ["h"],
          output: ["p"],
          attribute: [attribute("axes", [2, 3]), attribute("keepdims", 0)],
        },
        { opType: "MatMul", input: ["p", "w"], output: ["y"] },
      ],
    },
  };

function readNetwork({ network, start }: Expected["cases"][number]): ReadGraph {
  const { shape = [], nodes = [] } = NETWORKS[network] ?? {};
  const tensors = Object.entries(start).map(([name, of]) => floats(name, of.shape, of.data));
  return parseModel(modelOf({ shape, nodes, tensors })).graph({});
}

const training = (of: Expected["cases"][number], checkpoints?: readonly string[]) =>
  withUnscaledGradients(
    trainingGraph(withMixedPrecision(readNetwork(of), "float16"), withScaledLoss({ checkpoints })),
  );

const givenTo = ({ network, x, start, scale }: Expected["cases"][number]): Record<string, Tensor> => ({
  x: tensor("float32", NETWORKS[network]?.shape ?? [], x),
  labels: tensor("int64", [ROWS], labels),
  learning_rate: tensor("float32", [], [rate]),
  batches: tensor("float32", [], [1]),
  loss_scale: tensor("float32", [], [scale]),
  ...Object.fromEntries(
    Object.entries(start).map(([name, { shape, data }]) => [name, tensor("float32", shape, data)]),
  ),
});

const legal = (graph: Graph) => legalize(optimize(graph), ONNXRUNTIME_CPU);
const momentum = { optimizer: sgd({ momentum: 0.9 }) };

/** Float16 rounds to 2⁻¹¹, in the products of both passes, and each of 20 steps adds to the error of the one before. */
const TOLERANCE = 20 * 2 * 2 ** -11;

function check(feeds: Readonly<Record<string, Tensor>>, { parameters }: Expected["cases"][number]): void {
  for (const [name, values] of Object.entries(parameters)) {
    const size = Math.max(...values.map(Math.abs));
    for (const [index, value] of values.entries()) {
      const difference = Math.abs(Number(feeds[name]?.data[index]) - value) / size;
      expect(difference, `${name}[${index}]`).toBeLessThanOrEqual(TOLERANCE);
    }
  }
}

type Run = (feeds: Readonly<Record<string, Tensor>>) => Promise<Record<string, Tensor>>;

/** Runs a graph in the reference interpreter, which rounds every result to its type. */
const interpreted =
  async (graph: Graph): Promise<Run> =>
  async (feeds) =>
    evaluate(graph, feeds);

/** ONNX Runtime computes float16 in float32, and does not round what it would convert back at once. */
const inRuntime = async (graph: Graph): Promise<Run> => {
  const session = await openSession(graph);
  onTestFinished(() => session.release());
  return (feeds) => session.run(feeds);
};

/** Takes a step; a step with an overflow changes nothing but the scale. */
async function step(run: Run, before: Record<string, Tensor>, names: readonly string[]) {
  const outputs = await run(before);
  const feeds = carriedOver(before, outputs);
  const [from, to] = [before, feeds].map((of) => Number(of.loss_scale?.data[0])) as [number, number];
  for (const name of names) {
    if (to < from) expect(feeds[name]).toEqual(before[name]);
    else expect(feeds[name]).not.toEqual(before[name]);
  }
  return { feeds, loss: Number(outputs.loss?.data[0]), scale: to };
}

/** Takes the 20 steps, and compares each with PyTorch's. */
async function expectSteps(run: Run, graph: Graph, expected: Expected["cases"][number]): Promise<void> {
  const given = givenTo(expected);
  let feeds: Record<string, Tensor> = { ...given, ...zerosFor(graph, given) };
  const names = Object.keys(expected.parameters);
  for (const [at, scale] of expected.scales.entries()) {
    const after = await step(run, feeds, [...names, ...names.map((name) => `${name}.momentum`)]);
    const difference = Math.abs(after.loss - (expected.losses[at] ?? 0));
    expect(difference, `loss of step ${at}`).toBeLessThanOrEqual(TOLERANCE);
    expect(after.scale, `scale after step ${at}`).toBe(scale);
    feeds = after.feeds;
  }
  check(feeds, expected);
}

const stepOf = (expected: Expected["cases"][number], checkpoints?: readonly string[]) => {
  const of = training(expected, checkpoints);
  return legal(withDynamicScale(trainingStep(of, momentum), of, { growthInterval }));
};

describe.each(cases)("20 steps of a $network network from a loss scale of $scale", (expected) => {
  it("are those of PyTorch's GradScaler", async () => {
    const graph = stepOf(expected);
    await expectSteps(await interpreted(graph), graph, expected);
  });

  it("have the same bits with checkpoints", async () => {
    const given = givenTo(expected);
    const [plain, kept] = [stepOf(expected), stepOf(expected, ["h"])];
    const feeds = { ...given, ...zerosFor(plain, given) };
    expect(evaluate(kept, feeds)).toEqual(evaluate(plain, feeds));
  });
});

describe.each(cases.filter(({ scale }) => scale === 1024))(
  "in ONNX Runtime, a $network network",
  (expected) => {
    it("takes PyTorch's steps", async () => {
      const graph = stepOf(expected);
      await expectSteps(await inRuntime(graph), graph, expected);
    });

    it("takes them in two halves, too", async () => {
      const of = training(expected);
      const halves = [
        accumulationStep(of),
        withDynamicScale(applyStep(of, momentum), of, { growthInterval }),
      ];
      const [first, second] = halves.map(legal) as [Graph, Graph];
      const [sum, apply] = await Promise.all([inRuntime(first), inRuntime(second)]);
      const given = givenTo(expected);
      const cleared = zerosFor(first, given);
      let feeds: Record<string, Tensor> = { ...given, ...zerosFor(second, { ...given, ...cleared }) };
      for (const scale of expected.scales) {
        const summed = carriedOver({ ...feeds, ...cleared }, await sum({ ...feeds, ...cleared }));
        feeds = carriedOver(feeds, await apply({ ...feeds, ...summed }));
        expect(Number(feeds.loss_scale?.data[0])).toBe(scale);
      }
      check(feeds, expected);
    });
  },
);

describe.each(cases.filter(({ scale }) => scale > 1024))(
  "in ONNX Runtime, a $network network",
  (expected) => {
    it("skips steps until the scale is small enough", async () => {
      const graph = stepOf(expected);
      const [run, given] = [await inRuntime(graph), givenTo(expected)];
      let feeds: Record<string, Tensor> = { ...given, ...zerosFor(graph, given) };
      const names = Object.keys(expected.parameters);
      const scales: number[] = [];
      for (let at = 0; at < 8; at++) {
        const after = await step(run, feeds, names);
        scales.push(after.scale);
        feeds = after.feeds;
      }
      expect(scales.slice(0, 3)).toEqual([2 ** 21, 2 ** 20, 2 ** 19]);
      expect(scales.at(-1)).toBeGreaterThanOrEqual(Math.min(...expected.scales));
      expect(scales.at(-1)).toBe(scales.at(-2));
    });
  },
);

describe("mixed precision", () => {
  const [dense, , convolutional] = cases as [Expected["cases"][number], unknown, Expected["cases"][number]];
  const typesOf = (of: Expected["cases"][number]) =>
    topologicalOrder(Object.values(withMixedPrecision(readNetwork(of), "float16").outputs))
      .filter(({ inputs }) => inputs.length > 0)
      .map(({ op, outputs }) => `${op} ${outputs[0]?.dtype}`);

  it("has products, and what is done with them alone, in float16, and sums in float32", () => {
    expect(typesOf(dense).filter((of) => !of.startsWith("Cast"))).toEqual(
      ["MatMul", "Add", "Tanh", "MatMul", "Add"].map((op) => `${op} float16`),
    );
    expect(typesOf(convolutional).filter((of) => !of.startsWith("Cast"))).toEqual([
      "Conv float16",
      "Relu float16",
      "ReduceMean float32",
      "MatMul float16",
    ]);
    expect(typesOf(dense).at(-1)).toBe("Cast float32");
  });

  it("keeps parameters, their gradients and the loss in float32", () => {
    const { inputs, outputs } = training(dense);
    expect([...inputs, ...Object.values(outputs)].filter(({ dtype }) => dtype === "float16")).toEqual([]);
  });

  it("starts with a scale of 65536 where it is given 0, as all state starts", () => {
    const graph = stepOf(dense);
    const given = { ...givenTo(dense), loss_scale: tensor("float32", [], [0]) };
    const first = evaluate(graph, { ...given, ...zerosFor(graph, given) });
    expect(first["loss_scale.next"]?.data[0]).toBe(65_536);
    expect(first["good_steps.next"]?.data[0]).toBe(1n);
  });

  it("refuses a model without products, and an interval that is no number of steps", () => {
    const nodes = [{ opType: "Tanh", input: ["x"], output: ["y"] }];
    const read = parseModel(modelOf({ shape: [2, 3], nodes })).graph({});
    expect(() => withMixedPrecision(read, "float16")).toThrow(ModelError);
    expect(() => withMixedPrecision(read, "float16")).toThrow(
      "the model has no product or convolution of float32",
    );
  });
});
