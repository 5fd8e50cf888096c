import {
  allocate,
  type Graph,
  inputName,
  legalize,
  optimize,
  type Tensor,
  tensor,
} from "@softmax-bench/graph";
import * as onnx from "@softmax-bench/onnx";
import type * as ort from "onnxruntime-web";

export type Provider = "wasm" | "webgpu";
export type Sizes = Readonly<Record<string, number>>;
/** The numbers of every input that is not carried from step to step. */
export type Feeds = Readonly<Record<string, Iterable<number>>>;

/** A step of training in the kernels of a provider: forward pass, loss, backward pass and AdamW. */
function stepGraph(model: onnx.Model, sizes: Sizes, provider: Provider): Graph {
  const training = onnx.trainingGraph(model.graph(sizes));
  const step = optimize(onnx.trainingStep(training, { optimizer: onnx.adamw(), clipNorm: 1 }));
  if (provider === "wasm") return optimize(legalize(step, onnx.ONNXRUNTIME_CPU));
  return optimize(onnx.int32(legalize(step, onnx.ONNXRUNTIME_WEBGPU)));
}

const toTensor = (runtime: typeof ort, { dtype, shape, data }: Tensor): ort.Tensor =>
  new runtime.Tensor(dtype as "float32", data as Float32Array, shape);

/** The tensors that are carried from step to step: weights as the file stores them, and zeros for all that the optimiser keeps. */
function initialState(runtime: typeof ort, { inputs, outputs }: Graph, { initializers }: onnx.Model) {
  const state = new Map<string, ort.Tensor>();
  for (const of of inputs.filter((one) => onnx.nextName(inputName(one)) in outputs)) {
    const stored = initializers.get(inputName(of))?.read();
    const value = stored ?? { dtype: of.dtype, shape: of.shape, data: allocate(of) };
    state.set(inputName(of), toTensor(runtime, value));
  }
  return state;
}

async function readWeights(state: ReadonlyMap<string, ort.Tensor>, { initializers }: onnx.Model) {
  const weights = new Map<string, Tensor>();
  for (const [name, of] of state) {
    if (!initializers.has(name)) continue;
    weights.set(name, { dtype: "float32", shape: of.dims, data: (await of.getData()) as Float32Array });
  }
  return weights;
}

/** Trains a model step by step. On WebGPU, what is carried stays on the device. */
export async function startTraining(
  runtime: typeof ort,
  provider: Provider,
  model: onnx.Model,
  sizes: Sizes,
) {
  const graph = stepGraph(model, sizes, provider);
  const state = initialState(runtime, graph, model);
  const fed = graph.inputs.filter((of) => !state.has(inputName(of)));
  const onDevice = Array.from(state.keys(), (name) => [onnx.nextName(name), "gpu-buffer"] as const);
  const session = await runtime.InferenceSession.create(onnx.serialize(graph), {
    executionProviders: [provider],
    preferredOutputLocation: provider === "webgpu" ? Object.fromEntries(onDevice) : "cpu",
  });
  const run = (feeds: Feeds, outputs = session.outputNames) => {
    const given = fed.map((of) => {
      const name = inputName(of);
      return [name, toTensor(runtime, tensor(of.dtype, of.shape, feeds[name] ?? []))] as const;
    });
    return session.run(Object.fromEntries([...state, ...given]), outputs);
  };
  return {
    async step(feeds: Feeds) {
      const outputs = await run(feeds);
      for (const [name, before] of state) {
        state.set(name, outputs[onnx.nextName(name)] as ort.Tensor);
        before.dispose();
      }
      return outputs;
    },
    /** The loss, and the outputs of the model itself. Nothing is trained. */
    evaluate: (feeds: Feeds) => run(feeds, ["loss", ...model.outputs]),
    /** The weights by name, as `writeBack` takes them. */
    weights: () => readWeights(state, model),
    async release() {
      for (const of of state.values()) of.dispose();
      await session.release();
    },
  };
}
