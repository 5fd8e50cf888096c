import { elideExpand, type Graph, legalize, rewrite } from "@softmax-bench/graph";
import { int32, ONNXRUNTIME_CPU, ONNXRUNTIME_WEBGPU } from "@softmax-bench/onnx";

/** Rewrites a graph for the kernels that an execution provider has. */
export type Legalize = (graph: Graph) => Graph;

/** For the CPU provider, native or compiled to WebAssembly, and for CUDA's. Bit-identical for the losses. */
export const forCpu: Legalize = (graph) => rewrite(legalize(graph, ONNXRUNTIME_CPU), elideExpand);

/** For the WebGPU provider, on which `Equal` on int64 would run on the CPU, too. */
export const forWebgpu: Legalize = (graph) =>
  rewrite(int32(legalize(graph, ONNXRUNTIME_WEBGPU)), elideExpand);
