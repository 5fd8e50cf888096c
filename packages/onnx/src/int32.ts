import {
  applyAll,
  cast,
  constant,
  constantTensor,
  type Graph,
  input,
  inputName,
  type Rule,
  rewrite,
  tensor,
  type Value,
} from "@softmax-bench/graph";

/**
 * The same graph with int32 in place of int64: inputs, constants and casts. ONNX Runtime's WebGPU provider has almost
 * no int64 kernels, because WGSL lacks the type: comparing int64 labels with all classes would leave the device.
 */
export function int32(graph: Graph): Graph {
  const narrowed = new Map<unknown, Value>();
  const inputs = graph.inputs.map((value) => {
    if (value.dtype !== "int64") return value;
    const replacement = input(inputName(value), "int32", value.shape);
    narrowed.set(value.node, replacement);
    return replacement;
  });
  const narrow: Rule = (node, [x]) => {
    const replacement = narrowed.get(node);
    if (replacement) return [replacement];
    if (node.outputs[0]?.dtype !== "int64") return undefined;
    if (node.op === "Constant") return [narrowConstant(node)];
    if (node.op === "Range") return applyAll("Range", [], { ...node.attributes, dtype: "int32" });
    return node.op === "Cast" && x ? [cast(x, "int32")] : undefined;
  };
  // Positions are int64 in ONNX, whatever they index.
  const narrowPositions: Rule = (node, inputs) =>
    POSITIONS.has(node.op)
      ? applyAll(node.op, inputs, node.attributes).map((of) =>
          of.dtype === "int64" ? cast(of, "int32") : of,
        )
      : undefined;
  return { ...rewrite(graph, narrow, narrowPositions), inputs };
}

/** Operators that turn operands into positions. */
const POSITIONS: ReadonlySet<string> = new Set(["ArgMax", "MaxPool", "TopK"]);

function narrowConstant(node: Value["node"]): Value {
  const { shape, data } = constantTensor(node);
  return constant(tensor("int32", shape, Array.from(data, Number)));
}
