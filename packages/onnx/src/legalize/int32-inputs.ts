import { type Graph, input, inputName, type Rule, rewrite, type Value } from "@softmax-bench/graph";

/**
 * The same graph with its int64 inputs taken as int32. ONNX Runtime's WebGPU provider has next to no int64
 * kernels, since WGSL has no such type: comparing int64 labels with all classes would leave the device.
 */
export function int32Inputs(graph: Graph): Graph {
  const narrowed = new Map<unknown, Value>();
  const inputs = graph.inputs.map((value) => {
    if (value.dtype !== "int64") return value;
    const replacement = input(inputName(value), "int32", value.shape);
    narrowed.set(value.node, replacement);
    return replacement;
  });
  const narrow: Rule = (node) => {
    const replacement = narrowed.get(node);
    return replacement && [replacement];
  };
  return { ...rewrite(graph, narrow), inputs };
}
