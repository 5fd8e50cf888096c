import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { findMethod, GRAPH_METHODS, type METHODS, type MethodId } from "@softmax-bench/core";
import type { Graph } from "@softmax-bench/graph";
import { assessGradient, oracle } from "@softmax-bench/numerics";
import { serialize, serializeBatched } from "@softmax-bench/onnx";
import { loadModel } from "@softmax-bench/onnx/node";
import { forCpu, forWebgpu } from "@softmax-bench/onnxruntime";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { methodGraph, modelGraph } from "../dist/cli/export/exported-graph.js";
import { parseLoss } from "../dist/cli/export/loss.js";

type Feeds = Record<string, Tensor>;
type Run = (labels: readonly number[], int32?: boolean) => Promise<Feeds>;

const IGNORED = -100;
const BATCHES = ["fixed", "dynamic"] as const;

/** Compiles an exported model. What it returns runs it with labels, besides the other feeds. */
async function compile(bytes: Uint8Array, feeds: Feeds): Promise<Run> {
  const session = await InferenceSession.create(bytes, {
    graphOptimizationLevel: "basic",
    logSeverityLevel: 4,
    intraOpNumThreads: 1,
  });
  return async (labels, int32 = false) => {
    const data = int32 ? Int32Array.from(labels) : BigInt64Array.from(labels, BigInt);
    const given = new Tensor(int32 ? "int32" : "int64", data as BigInt64Array, [labels.length]);
    return (await session.run({ ...feeds, labels: given })) as Feeds;
  };
}

const bytesOf = (graphOf: (batch: number) => Graph, batch: "fixed" | "dynamic", rows: number): Uint8Array =>
  batch === "fixed"
    ? serialize(forCpu(graphOf(rows)))
    : serializeBatched((size) => forCpu(graphOf(size), { fold: false }));

const reference = (labels: readonly number[], logits: Float64Array, classes: number) =>
  oracle({ rows: labels.length, classes, logits, labels: Int32Array.from(labels), ignoreIndex: IGNORED });

describe("labels of an exported method", () => {
  const [rows, classes] = [5, 4];
  const values = Float64Array.from({ length: rows * classes }, (_, index) => 3 * Math.sin(5 * index));
  const graphOf = (method: (typeof METHODS)[number]["id"], dtype: "float32" | "float64") => (size: number) =>
    methodGraph({ method, dtype, rows: size, classes, part: "both", ignoreIndex: IGNORED });
  const logitsIn = (dtype: "float32" | "float64") =>
    dtype === "float32"
      ? new Tensor("float32", Float32Array.from(values), [rows, classes])
      : new Tensor("float64", values, [rows, classes]);
  const variants = GRAPH_METHODS.flatMap(({ id }) =>
    (["float32", "float64"] as const).flatMap((dtype) => BATCHES.map((batch) => [id, dtype, batch] as const)),
  );

  it.each(variants)("are right, ignored or refused: %s, %s, %s batch", async (method, dtype, batch) => {
    const run = await compile(bytesOf(graphOf(method, dtype), batch, rows), { logits: logitsIn(dtype) });
    const labels = [0, IGNORED, 3, IGNORED, 1];
    const { loss, gradient } = await run(labels);
    const exact = reference(labels, values, classes);
    const tolerance = dtype === "float32" ? 1e-5 : 1e-14;
    const expected = exact.loss.hi[0] as number;
    expect(Math.abs(Number(loss?.data[0]) - expected)).toBeLessThanOrEqual(tolerance * expected);
    expect(assessGradient(gradient?.data as Float64Array, exact).relL2).toBeLessThanOrEqual(tolerance);
    for (const wrong of [-1, -classes, classes, IGNORED - 1, 2 ** 40]) {
      await expect(run([0, 1, wrong, 2, 3]), `label ${wrong}`).rejects.toThrow("out of data bounds");
    }
    const nothing = await run(new Array(rows).fill(IGNORED));
    expect(Number(nothing.loss?.data[0])).toBeNaN();
    expect(Array.from(nothing.gradient?.data as Float64Array, Math.abs)).toEqual(
      new Array(rows * classes).fill(0),
    );
  });

  it("are int32 in a model for the WebGPU provider, and checked likewise", async () => {
    const model = serialize(forWebgpu(graphOf("autograd/library", "float32")(rows)));
    const run = await compile(model, { logits: logitsIn("float32") });
    const labels = [0, IGNORED, 3, IGNORED, 1];
    const { loss } = await run(labels, true);
    expect(Number(loss?.data[0])).toBeCloseTo(reference(labels, values, classes).loss.hi[0] as number, 5);
    await expect(run([0, 1, -1, 2, 3], true)).rejects.toThrow("out of data bounds");
  });
});

describe("labels of an exported training graph", () => {
  const fixture = (name: string) =>
    fileURLToPath(new URL(`../../../packages/onnx/test/fixtures/${name}`, import.meta.url));
  const model = loadModel(fixture("cnn-opset13.onnx"));
  const { x } = JSON.parse(readFileSync(fixture("cnn-opset13.json"), "utf8"));
  const images = Number(x.shape[0]);
  const feeds: Feeds = {
    x: new Tensor("float64", Float64Array.from(x.data), x.shape),
    ...Object.fromEntries(
      Array.from(model.initializers.values(), (of) => [
        of.name,
        new Tensor("float64", of.read().data as Float64Array, of.shape),
      ]),
    ),
  };
  const losses = ["softmax-cross-entropy", ...GRAPH_METHODS.map(({ id }) => id)] as const;
  const variants = losses.flatMap((loss) => BATCHES.map((batch) => [loss, batch] as const));

  it.each(variants)("are right, ignored or refused: %s, %s batch", async (loss, batch) => {
    const objective = parseLoss(
      { loss, ignoreIndex: String(IGNORED) },
      (id) => findMethod(id as MethodId).id,
    );
    const request = { ...objective, wrt: ["head.bias"] };
    const run = await compile(
      bytesOf((size) => modelGraph(model, { batch: size }, request), batch, images),
      feeds,
    );
    const labels = Array.from({ length: images }, (_, row) => (row === 1 ? IGNORED : row % 2));
    const outputs = await run(labels);
    const [, classes = 0] = outputs.logits?.dims ?? [];
    const exact = reference(labels, outputs.logits?.data as Float64Array, classes);
    expect(Number(outputs.loss?.data[0])).toBeCloseTo(exact.loss.hi[0] as number, 12);
    const gradient = outputs["head.bias.grad"]?.data as Float64Array;
    for (const [index, value] of gradient.entries()) {
      const column = labels.map((_, row) => exact.gradient.hi[row * classes + index] as number);
      const sum = column.reduce((total, entry) => total + entry, 0);
      expect(value).toBeCloseTo(sum, 12);
    }
    await expect(run(labels.with(0, -1))).rejects.toThrow("out of data bounds");
  });
});
