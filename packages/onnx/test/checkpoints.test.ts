import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { isFloat, legalize, optimize, type Tensor, tensor } from "@softmax-bench/graph";
import {
  adamw,
  chooseCheckpoints,
  ModelError,
  ONNXRUNTIME_CPU,
  parseModel,
  serialize,
  sgd,
  trainingGraph,
  trainingStep,
} from "@softmax-bench/onnx";
import { loadModel } from "@softmax-bench/onnx/node";
import { InferenceSession } from "onnxruntime-node";
import { afterAll, describe, expect, it } from "vitest";
import { ModelProtoSchema } from "../src/proto/onnx_pb.js";
import { floats, modelOf } from "./build-model.js";
import { carriedOver, openSession, zerosFor } from "./training-loop.js";

const folder = mkdtempSync(join(tmpdir(), "checkpoints-"));
afterAll(() => rmSync(folder, { recursive: true }));

const LAYERS = 8;
const WIDTH = 4;
const numbers = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => Math.sin((index + from) * 78.233 + 1));

/** Layers h1 = tanh(x w0), …, as a file has them, and logits y. */
const model = parseModel(
  modelOf({
    shape: ["batch", WIDTH],
    nodes: [
      ...Array.from({ length: LAYERS }, (_, at) => [
        { opType: "MatMul", input: [at === 0 ? "x" : `h${at}`, `w${at}`], output: [`m${at}`] },
        { opType: "Tanh", input: [`m${at}`], output: [at === LAYERS - 1 ? "y" : `h${at + 1}`] },
      ]).flat(),
    ],
    tensors: Array.from({ length: LAYERS }, (_, at) =>
      floats(`w${at}`, [WIDTH, WIDTH], numbers(WIDTH ** 2, at)),
    ),
  }),
);
const read = model.graph({ batch: 6 });
const given: Record<string, Tensor> = {
  x: tensor("float32", [6, WIDTH], numbers(6 * WIDTH)),
  labels: tensor("int64", [6], [0, 1, 2, 3, 2, 1]),
  learning_rate: tensor("float32", [], [0.05]),
  ...Object.fromEntries([...model.initializers].map(([name, of]) => [name, of.read()])),
};

const stepWith = (checkpoints: readonly string[] | undefined) =>
  legalize(
    optimize(trainingStep(trainingGraph(read, { checkpoints }), { optimizer: adamw(), clipNorm: 1 })),
    ONNXRUNTIME_CPU,
  );

describe("a step with checkpoints", () => {
  it("leaves the same bits after 20 steps as without", async () => {
    const states = await Promise.all(
      [undefined, ["h2", "h4", "h6"], chooseCheckpoints(read, trainingGraph(read))].map(
        async (checkpoints) => {
          const graph = stepWith(checkpoints);
          const session = await openSession(graph);
          let feeds: Record<string, Tensor> = { ...given, ...zerosFor(graph, given) };
          for (let step = 0; step < 20; step++) feeds = carriedOver(feeds, await session.run(feeds));
          await session.release();
          return feeds;
        },
      ),
    );
    expect(states[0]?.w0?.data).not.toEqual(given.w0?.data);
    expect(states[1]).toEqual(states[0]);
    expect(states[2]).toEqual(states[0]);
  });

  it.each(["basic", "extended", "all"] as const)(
    "computes layers again after ONNX Runtime has optimised it (%s)",
    async (graphOptimizationLevel) => {
      const counts: number[] = [];
      for (const checkpoints of [undefined, ["h3", "h6"]]) {
        const optimizedModelFilePath = join(folder, `${graphOptimizationLevel}-${counts.length}.onnx`);
        const options = { graphOptimizationLevel, optimizedModelFilePath, logSeverityLevel: 4 } as const;
        const graph = legalize(optimize(trainingGraph(read, { checkpoints })), ONNXRUNTIME_CPU);
        await (await InferenceSession.create(serialize(graph), options)).release();
        const written = fromBinary(ModelProtoSchema, readFileSync(optimizedModelFilePath));
        counts.push(written.graph?.node.filter(({ opType }) => opType === "Tanh").length ?? 0);
      }
      // h1, h2, h4 and h5.
      expect(counts).toEqual([LAYERS, LAYERS + 4]);
    },
  );

  it("moves the statistics of a batch normalisation once", async () => {
    const at = (name: string) => new URL(`fixtures/${name}`, import.meta.url);
    const { x, labels } = JSON.parse(readFileSync(at("batch-norm.json"), "utf8"));
    const normalized = loadModel(at("batch-norm.onnx").pathname);
    const graph = normalized.graph({ batch: labels.length });
    const inner = [...(graph.values ?? [])].filter(([, { node }]) => node.inputs.length > 0);
    const stored = [...normalized.initializers].filter(([, of]) => isFloat(of));
    const feeds: Record<string, Tensor> = {
      x: tensor("float64", [labels.length, 3, 4], x),
      labels: tensor("int64", [labels.length], labels),
      learning_rate: tensor("float64", [], [0.1]),
      ...Object.fromEntries(stored.map(([name, of]) => [name, of.read()])),
    };
    const after = async (checkpoints: readonly string[] | undefined) => {
      const step = trainingStep(trainingGraph(graph, { checkpoints }), { optimizer: sgd() });
      const session = await openSession(legalize(optimize(step), ONNXRUNTIME_CPU));
      const outputs = await session.run(feeds);
      await session.release();
      return outputs;
    };
    const plain = await after(undefined);
    expect(Object.keys(plain)).toContain("second.running_var.next");
    let tried = 0;
    for (const [name] of inner) {
      let kept: Record<string, Tensor>;
      try {
        kept = await after([name]);
      } catch (error) {
        if (!(error instanceof ModelError)) throw error;
        continue;
      }
      tried++;
      expect(kept, name).toEqual(plain);
    }
    expect(tried).toBeGreaterThan(3);
  });

  it.each<[string, string, string]>([
    ["a value that is not there", "h99", 'there is no value "h99" in the model to keep as a checkpoint'],
    ["an input", "x", '"x" is kept anyway'],
    ["a parameter", "w3", '"w3" is kept anyway'],
  ])("refuses %s", (_, name, message) => {
    const make = () => trainingGraph(read, { checkpoints: ["h2", name] });
    expect(make).toThrow(ModelError);
    expect(make).toThrow(message);
  });

  it("refuses a value through which no gradient flows", () => {
    const make = () => trainingGraph(read, { checkpoints: ["h2"], wrt: ["w6", "w7"] });
    expect(make).toThrow('no gradient flows through "h2": as a checkpoint, it would save nothing');
  });
});
