import {
  constantTensor,
  type FloatDType,
  findDefinition,
  type Graph,
  input,
  makeNode,
  type Node,
  operatorNames,
  optimize,
  read,
  topologicalOrder,
  type Value,
} from "@softmax-bench/graph";
import { ONNXRUNTIME_CPU } from "@softmax-bench/onnx";
import { markdownTable } from "markdown-table";
import { SAMPLES } from "./samples.js";
import { inputsOf } from "./support.js";

/** A longer gradient is named by its operators. */
const LONGEST = 90;

/** Every operator, its gradient, and what ONNX Runtime's CPU provider does with it: all read off the registry. */
export function operatorTable(): string {
  const rows = operatorNames().map((op) => {
    const node = nodeOf(op);
    return [
      `\`${op}\``,
      gradientOf(node),
      ...(["float32", "float64"] as const).map((dtype) => runsAs(op, dtype)),
    ];
  });
  return markdownTable([["operator", "gradient", "float32", "float64"], ...rows]);
}

/** The first application of the operator in its first sample, to inputs with the names that the table uses. */
function nodeOf(op: string, dtype: FloatDType = "float32"): Node {
  const [sample] = SAMPLES[op] ?? [];
  if (!sample) throw new Error(`${op} has no sample`);
  const y = sample.make(...inputsOf(sample.shapes, dtype));
  const found = topologicalOrder([y]).find((node) => node.op === op);
  if (!found) throw new Error(`the sample of ${op} does not use it`);
  const names = NAMES[op] ?? (found.inputs.length === 1 ? ["X"] : ["A", "B", "C", "D", "E"]);
  const inputs = found.inputs.map((of, position) => input(names[position] ?? "X", of.dtype, of.shape));
  return makeNode(op, inputs, found.attributes, found.outputs);
}

const CONV = ["X", "W", "B"];
const LABELLED = ["X", "labels", "weights"];
const NAMES: Readonly<Record<string, readonly string[]>> = {
  Conv: CONV,
  ConvTranspose: CONV,
  Gemm: ["A", "B", "C"],
  BatchNormalization: ["X", "scale", "B", "mean", "var"],
  LayerNormalization: ["X", "scale", "B"],
  SoftmaxCrossEntropyLoss: LABELLED,
  NegativeLogLikelihoodLoss: LABELLED,
  Gather: ["X", "i"],
  GatherElements: ["X", "i"],
  ScatterElements: ["X", "i", "updates"],
  OneHot: ["i"],
  Where: ["condition", "A", "B"],
};

function gradientOf(node: Node): string {
  const upstream = node.outputs.map(({ dtype, shape }, position) =>
    position === 0 ? input("U", dtype, shape) : undefined,
  );
  const gradients = findDefinition(node.op).gradient?.({ ...node, upstream }) ?? [];
  const shown = node.inputs.flatMap((of, position) => {
    const gradient = gradients[position];
    return gradient ? [`∂${nameOf(of)} = ${expression(simplified(gradient), node)}`] : [];
  });
  if (shown.length === 0) return "none";
  const text = shown.join("; ");
  return text.length <= LONGEST
    ? `\`${text}\``
    : `in ${[...operatorsOf(gradients, node)].map((op) => `\`${op}\``).join(", ")}`;
}

function simplified(value: Value): Value {
  const graph: Graph = { name: "gradient", inputs: [], outputs: { value } };
  return optimize(graph).outputs.value as Value;
}

const nameOf = ({ node }: Value): string => String(node.attributes.name);

/** Y is the operator's own result; sizes go without saying. */
function expression(value: Value, of: Node): string {
  const { node } = value;
  if (node === of) return ["Y", "Y2", "Y3"][value.output] ?? "Y";
  if (node.op === "Input") return nameOf(value);
  if (node.op === "Constant") {
    const { data } = constantTensor(node);
    return data.length === 1 ? String(Number(read(data, 0).toPrecision(6))) : "constant";
  }
  return `${node.op}(${node.inputs.map((operand) => expression(operand, of)).join(", ")})`;
}

function operatorsOf(gradients: readonly (Value | undefined)[], node: Node): string[] {
  const made = gradients.filter((value) => value !== undefined).map(simplified);
  const used = topologicalOrder(made, new Set([node])).filter((of) => of !== node && of.inputs.length > 0);
  return [...new Set(used.map(({ op }) => op))].sort();
}

/** True if there is a kernel; if not, what its body is made of. */
function runsAs(op: string, dtype: FloatDType): string {
  const node = nodeOf(op, dtype);
  const entry = ONNXRUNTIME_CPU[op] ?? [];
  const dtypes = typeof entry === "function" ? entry(node) : entry;
  if (dtypes.includes(dtype)) return "kernel";
  const { body } = findDefinition(op);
  if (!body) return "no";
  const used = topologicalOrder(
    body(node.inputs, node.attributes),
    new Set(node.inputs.map((of) => of.node)),
  );
  const operators = new Set(used.filter(({ inputs }) => inputs.length > 0).map((of) => of.op));
  return [...operators]
    .sort()
    .map((name) => `\`${name}\``)
    .join(", ");
}
