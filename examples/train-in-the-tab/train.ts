import {
  allocate,
  inputName,
  legalize,
  optimize,
  type Tensor,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import * as onnx from "@softmax-bench/onnx";
import type * as ort from "onnxruntime-web";

export type Provider = "wasm" | "webgpu";
export type Sizes = Readonly<Record<string, number>>;
/** The numbers of every input that is neither a weight nor the optimiser's. */
export type Feeds = Readonly<Record<string, Iterable<number>>>;

/** Trains a model with one that is built here: forward pass, loss, backward pass and AdamW, state in, state out. */
export async function startTraining(
  runtime: typeof ort,
  provider: Provider,
  model: onnx.Model,
  sizes: Sizes,
) {
  const isGpu = provider === "webgpu";
  const training = onnx.trainingGraph(model.graph(sizes));
  const step = optimize(onnx.trainingStep(training, { optimizer: onnx.adamw(), clipNorm: 1 }));
  const legal = legalize(step, isGpu ? onnx.ONNXRUNTIME_WEBGPU : onnx.ONNXRUNTIME_CPU);
  const graph = optimize(isGpu ? onnx.int32(legal) : legal);
  const next = Object.keys(graph.outputs).filter((name) => name.endsWith(".next"));
  const onDevice = Object.fromEntries(next.map((name) => [name, "gpu-buffer"] as const));
  const session = await runtime.InferenceSession.create(onnx.serialize(graph), {
    executionProviders: [provider],
    preferredOutputLocation: isGpu ? onDevice : "cpu",
  });

  const toTensor = ({ dtype, shape }: Value, data: Tensor["data"]) =>
    new runtime.Tensor(dtype as "float32", data as Float32Array, shape);
  const [state, fed] = [new Map<string, ort.Tensor>(), new Map<string, Value>()];
  for (const of of graph.inputs) {
    const name = inputName(of);
    // Weights start as the file stores them, what the optimiser keeps at zero.
    if (!next.includes(onnx.nextName(name))) fed.set(name, of);
    else state.set(name, toTensor(of, model.initializers.get(name)?.read().data ?? allocate(of)));
  }
  const run = (feeds: Feeds, outputs = session.outputNames) => {
    const dataOf = (name: string, { dtype, shape }: Value) => tensor(dtype, shape, feeds[name] ?? []).data;
    const given = Array.from(fed, ([name, of]) => [name, toTensor(of, dataOf(name, of))] as const);
    return session.run(Object.fromEntries([...state, ...given]), outputs);
  };
  return {
    async step(feeds: Feeds) {
      const outputs = await run(feeds);
      for (const [name, before] of state) {
        before.dispose();
        state.set(name, outputs[onnx.nextName(name)] as ort.Tensor);
      }
      return outputs;
    },
    /** The loss, and the outputs of the model itself. Nothing is trained. */
    evaluate: (feeds: Feeds) => run(feeds, ["loss", ...model.outputs]),
    /** The weights by name, as `writeBack` takes them. */
    async weights() {
      const weights = new Map<string, Tensor>();
      for (const [name, of] of state) {
        if (!model.initializers.has(name)) continue;
        weights.set(name, { dtype: "float32", shape: of.dims, data: (await of.getData()) as Float32Array });
      }
      return weights;
    },
    async release() {
      for (const of of state.values()) of.dispose();
      await session.release();
    },
  };
}
