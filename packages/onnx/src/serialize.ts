import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  constantTensor,
  type Graph,
  inputName,
  type Node,
  type Shape,
  type Tensor,
  type TensorType,
  topologicalOrder,
  type Value,
} from "@softmax-bench/graph";
import { IR_VERSION, ONNX_DTYPE, type OnnxAttribute, OPSET, onnxForm } from "./operators.js";
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from "./proto/onnx_pb.js";

/**
 * A graph as the bytes of an ONNX model (opset 21, IR version 10). Inputs and outputs keep their names;
 * what no output depends on is left out.
 * @throws GraphError if an operator has no ONNX spelling.
 */
export function serialize(graph: Graph): Uint8Array {
  const writer = new GraphWriter();
  for (const value of graph.inputs) writer.name(value, inputName(value));
  const order = topologicalOrder(Object.values(graph.outputs));
  for (const node of order) writer.write(node);
  for (const [name, value] of Object.entries(graph.outputs)) writer.alias(name, value);

  const model = create(ModelProtoSchema, {
    irVersion: BigInt(IR_VERSION),
    opsetImport: [{ domain: "", version: BigInt(OPSET) }],
    producerName: "softmax-bench",
    graph: {
      name: graph.name,
      node: writer.nodes,
      initializer: writer.initializers,
      input: graph.inputs.map((value) => valueInfo(inputName(value), value)),
      output: Object.entries(graph.outputs).map(([name, value]) => valueInfo(name, value)),
    },
  });
  return toBinary(ModelProtoSchema, model);
}

/** Names values in the order in which they are written: `Exp_3`, or `Softmax_4_1` for a second output. */
class GraphWriter {
  readonly nodes: MessageInitShape<typeof NodeProtoSchema>[] = [];
  readonly initializers: MessageInitShape<typeof TensorProtoSchema>[] = [];
  readonly #names = new Map<Value, string>();

  name(value: Value, name: string): string {
    this.#names.set(value, name);
    return name;
  }

  write(node: Node): void {
    if (node.op === "Input") return;
    const label = `${node.op}_${this.nodes.length + this.initializers.length}`;
    if (node.op === "Constant") {
      this.#constant(label, constantTensor(node));
      for (const value of node.outputs) this.name(value, label);
      return;
    }
    const { op, attributes, constants } = onnxForm(node);
    const inputs = node.inputs.map((value) => this.#nameOf(value));
    const extra = constants.map((value, index) => this.#constant(`${label}_constant_${index}`, value));
    const outputs = node.outputs.map((value, index) => this.name(value, index ? `${label}_${index}` : label));
    this.nodes.push({
      opType: op,
      name: label,
      input: [...inputs, ...extra],
      output: outputs,
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    });
  }

  /** Gives a value its public name, through an Identity: it may be an input, or an output under two names. */
  alias(name: string, value: Value): void {
    this.nodes.push({ opType: "Identity", name, input: [this.#nameOf(value)], output: [name] });
  }

  #constant(name: string, value: Tensor): string {
    this.initializers.push(tensorProto(name, value));
    return name;
  }

  #nameOf(value: Value): string {
    const name = this.#names.get(value);
    if (name === undefined) throw new Error(`${value.node.op} was used before it was written`);
    return name;
  }
}

function attribute(name: string, value: OnnxAttribute): MessageInitShape<typeof AttributeProtoSchema> {
  const { STRING, INT, INTS, FLOAT } = AttributeProto_AttributeType;
  if (typeof value === "string") return { name, type: STRING, s: new TextEncoder().encode(value) };
  if (typeof value === "number") return { name, type: INT, i: BigInt(value) };
  if ("float" in value) return { name, type: FLOAT, f: value.float };
  return { name, type: INTS, ints: value.map(BigInt) };
}

const dims = (shape: Shape): bigint[] => shape.map(BigInt);

/** ONNX stores raw data little-endian, as every platform of Node does. */
const tensorProto = (
  name: string,
  { dtype, shape, data }: Tensor,
): MessageInitShape<typeof TensorProtoSchema> => ({
  name,
  dataType: ONNX_DTYPE[dtype],
  dims: dims(shape),
  rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice(),
});

const valueInfo = (
  name: string,
  { dtype, shape }: TensorType,
): MessageInitShape<typeof ValueInfoProtoSchema> => ({
  name,
  type: {
    value: {
      case: "tensorType",
      value: {
        elemType: ONNX_DTYPE[dtype],
        shape: { dim: dims(shape).map((value) => ({ value: { case: "dimValue", value } })) },
      },
    },
  },
});
