import { type Graph, legalize, optimize } from "@softmax-bench/graph";
import { int32, ONNXRUNTIME_CPU, ONNXRUNTIME_WEBGPU } from "@softmax-bench/onnx";

/** Rewrites a graph for the kernels that an execution provider has. */
export type Legalize = (graph: Graph) => Graph;

/** For the CPU provider, native or compiled to WebAssembly, and for CUDA's. */
export const forCpu: Legalize = (graph) => optimize(legalize(optimize(graph), ONNXRUNTIME_CPU));

/** For the WebGPU provider, on which `Equal` on int64 would run on the CPU, too. */
export const forWebgpu: Legalize = (graph) => optimize(int32(legalize(optimize(graph), ONNXRUNTIME_WEBGPU)));
