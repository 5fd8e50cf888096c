import { type Graph, inputName, type Tensor } from "@softmax-bench/graph";
import { nextName, serialize } from "@softmax-bench/onnx";
import { InferenceSession, Tensor as RuntimeTensor } from "onnxruntime-node";

/** Zeros for whatever a graph takes beyond the given tensors: the state before the first step. */
export function zerosFor(graph: Graph, given: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const missing = graph.inputs.filter((value) => !(inputName(value) in given));
  return Object.fromEntries(
    missing.map(({ dtype, shape, node }) => {
      const size = shape.reduce((product, dim) => product * dim, 1);
      const data =
        dtype === "float64"
          ? new Float64Array(size)
          : dtype === "int64"
            ? new BigInt64Array(size)
            : new Float32Array(size);
      return [String(node.attributes.name), { dtype, shape, data }] as const;
    }),
  );
}

/** A graph in ONNX Runtime's CPU provider. */
export async function openSession(graph: Graph) {
  // Idle threads of many small sessions would spin.
  const options = { logSeverityLevel: 4, graphOptimizationLevel: "basic", intraOpNumThreads: 1 } as const;
  const session = await InferenceSession.create(serialize(graph), options);
  return {
    async run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
      const fed = session.inputNames.map((name) => {
        const { dtype, shape, data } = feeds[name] as Tensor;
        return [name, new RuntimeTensor(dtype as "float32", data as Float32Array, shape)] as const;
      });
      const results = await session.run(Object.fromEntries(fed));
      return Object.fromEntries(
        Object.entries(results).map(([name, { type, dims, data }]) => [
          name,
          { dtype: type, shape: dims, data } as Tensor,
        ]),
      );
    },
    release: () => session.release(),
  };
}

/** The inputs of the next step in place of those of this one: each `<input>.next` as `<input>`. */
export const carriedOver = (
  feeds: Readonly<Record<string, Tensor>>,
  outputs: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(feeds).map(([name, fed]) => [name, outputs[nextName(name)] ?? fed]));
