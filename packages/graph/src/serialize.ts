import { type Attribute, type Graph, inputName, type Node, topologicalOrder, type Value } from "./graph.js";
import { elementsOf, type Tensor, type TensorType } from "./tensor.js";

/** A graph as JSON, for readers in other languages. */
export interface SerializedGraph {
  /** Names of the inputs, in their order. */
  readonly inputs: readonly string[];
  /** Inputs before users. */
  readonly nodes: readonly SerializedNode[];
  readonly outputs: Readonly<Record<string, Reference>>;
}

interface SerializedNode {
  readonly op: string;
  readonly inputs: readonly Reference[];
  readonly attributes: Readonly<Record<string, number | string | readonly number[] | SerializedTensor>>;
  readonly outputs: readonly TensorType[];
}

/** A value: the position of its node among all, and its own among the node's outputs. */
type Reference = readonly [node: number, output: number];

/** Numbers that JSON does not have are text: `NaN`, `-Infinity`, `-0`, and integers beyond 2⁵³. */
interface SerializedTensor extends TensorType {
  readonly data: readonly (number | string)[];
}

/** Writes a graph as plain JSON values; nodes that no output depends on are left out. */
export function serializeGraph(graph: Graph): SerializedGraph {
  const nodes = topologicalOrder([...graph.inputs, ...Object.values(graph.outputs)]);
  const positions = new Map(nodes.map((node, position) => [node, position]));
  const referenceTo = ({ node, output }: Value): Reference => [positions.get(node) as number, output];
  const serialized = ({ op, inputs, attributes, outputs }: Node): SerializedNode => ({
    op,
    inputs: inputs.map(referenceTo),
    attributes: Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [name, serializeAttribute(value)]),
    ),
    outputs: outputs.map(({ dtype, shape }) => ({ dtype, shape })),
  });
  return {
    inputs: graph.inputs.map(inputName),
    nodes: nodes.map(serialized),
    outputs: Object.fromEntries(
      Object.entries(graph.outputs).map(([name, value]) => [name, referenceTo(value)]),
    ),
  };
}

const serializeAttribute = (value: Attribute) =>
  typeof value === "object" && "data" in value ? serializeTensor(value) : value;

const serializeTensor = (tensor: Tensor): SerializedTensor => ({
  dtype: tensor.dtype,
  shape: tensor.shape,
  data: elementsOf(tensor).map(serializeElement),
});

function serializeElement(element: number | bigint): number | string {
  if (typeof element === "bigint") {
    return Number.isSafeInteger(Number(element)) ? Number(element) : String(element);
  }
  if (Object.is(element, -0)) return "-0";
  return Number.isFinite(element) ? element : String(element);
}
