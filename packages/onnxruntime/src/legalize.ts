import { elideExpand, type Graph, rewrite } from "@softmax-bench/graph";
import { int32, logSoftmaxInSteps, oneHotAsEqual, softmaxCrossEntropyLossInSteps } from "@softmax-bench/onnx";

/** Rewrites a graph for the kernels that an execution provider has. */
export type Legalize = (graph: Graph) => Graph;

/** For the CPU provider, native or compiled to WebAssembly, and for CUDA's. Bit-identical. */
export const forCpu: Legalize = (graph) => rewrite(graph, elideExpand, oneHotAsEqual);

/**
 * For the WebGPU provider. Without it, `Equal` on int64 and `LogSoftmax` would run on the CPU, and matrices
 * of the logits' size would go there and back in every run.
 */
export const forWebgpu: Legalize = (graph) => {
  const inSteps = rewrite(graph, logSoftmaxInSteps, softmaxCrossEntropyLossInSteps);
  return rewrite(int32(inSteps), elideExpand, oneHotAsEqual);
};
