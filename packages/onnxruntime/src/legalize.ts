import type { FloatDType, MethodId } from "@softmax-bench/core";
import { type Graph, legalize, optimize } from "@softmax-bench/graph";
import { int32, ONNXRUNTIME_CPU, ONNXRUNTIME_WEBGPU } from "@softmax-bench/onnx";

/** Rewrites a graph for the kernels of an execution provider. Its second argument is that of `optimize`. */
export type Legalize = (graph: Graph, options?: Parameters<typeof optimize>[1]) => Graph;

/** Legalizes for the CPU provider, native or compiled to WebAssembly, and for CUDA's. */
export const forCpu: Legalize = (graph, options) => {
  const optimized = optimize(graph, options);
  const legal = legalize(optimized, ONNXRUNTIME_CPU);
  return legal === optimized ? optimized : optimize(legal, options);
};

/** Legalizes for the WebGPU provider, which would run `Equal` on int64 on the CPU. */
export const forWebgpu: Legalize = (graph, options) =>
  optimize(int32(legalize(optimize(graph, options), ONNXRUNTIME_WEBGPU)), options);

const IN_STEPS =
  "the WebGPU provider has no LogSoftmax; it is computed as ONNX defines it, in simpler operators";

/** The changes that `forWebgpu` makes to methods. */
export const WEBGPU_NOTES: Readonly<Partial<Record<MethodId, string>>> = {
  "autograd/log-softmax": IN_STEPS,
  "autograd/library": IN_STEPS,
  "manual/log-softmax": IN_STEPS,
};

/** The dtypes that are not computed in themselves on the CPU: see the table of kernels. */
export const CPU_DTYPE_NOTES: Readonly<Partial<Record<FloatDType, string>>> = {
  float16:
    "float16 storage, float32 arithmetic: the CPU provider has no float16 kernels and casts around every operator",
};
