import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Graph, GraphError, inputName, topologicalOrder, type Value } from "@softmax-bench/graph";
import { affine } from "./affine.js";
import { Family } from "./family.js";
import { IR_VERSION, ONNX_DTYPE, OPSET } from "./operators.js";
import { ModelProtoSchema, type ValueInfoProtoSchema } from "./proto/onnx_pb.js";
import { NodeWriter } from "./write-nodes.js";

/**
 * A graph as the bytes of an ONNX model (opset 17, IR version 8). Inputs and outputs keep their names;
 * what no output depends on is left out.
 * @throws GraphError if an operator has no ONNX spelling, or the constants are larger than a protobuf can be.
 */
export const serialize = (graph: Graph): Uint8Array => write(new Family([graph], []));

/** The least batch size to compare; sums and products of primes from here on are unlikely to be sizes of anything else. */
const LEAST_SIZE = 101;
/** How many batch sizes are compared. Two would make anything look affine. */
const COMPARED = 3;
/** Two sizes that show which sizes do not depend on the batch. */
const PROBES = [89, 97];

/**
 * A family of graphs, one for each batch size, as the bytes of one model in which the batch size is the symbolic
 * dimension `batch`. The graphs must be the same but for sizes and numbers that are affine in it: they are made for three
 * sizes, and compared.
 * @throws GraphError if they are not, naming the operator; or if an operator has no ONNX spelling.
 */
export function serializeBatched(graphOf: (batch: number) => Graph): Uint8Array {
  const [some = new Set(), others = new Set()] = PROBES.map((size) => sizesIn(graphOf(size)));
  // A batch of as many rows as there are classes, say, would make the graph look simpler than it is.
  const isFixed = (size: number) => some.has(size) && others.has(size);
  const sizes: number[] = [];
  for (let size = LEAST_SIZE; sizes.length < COMPARED; size++)
    if (isPrime(size) && !isFixed(size)) sizes.push(size);
  return write(new Family(sizes.map(graphOf), sizes));
}

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor ** 2 <= number; divisor++) if (number % divisor === 0) return false;
  return true;
}

const sizesIn = ({ inputs, outputs }: Graph): Set<number> => {
  const nodes = topologicalOrder([...inputs, ...Object.values(outputs)]);
  return new Set(nodes.flatMap((node) => node.outputs.flatMap(({ shape }) => shape)));
};

/** The most that a protobuf message holds, less what a model has besides its tensors. */
const LARGEST = 2 ** 31 - 2 ** 24;

function write(family: Family): Uint8Array {
  const { name, description = "", inputs, outputs } = family.first;
  const { nodes, initializers } = new NodeWriter(family);
  const bytes = initializers.reduce((sum, { rawData }) => sum + (rawData?.length ?? 0), 0);
  if (bytes > LARGEST) throw new GraphError(`${bytes} bytes of constants do not fit a protobuf of 2 GB`);
  const model = create(ModelProtoSchema, {
    irVersion: BigInt(IR_VERSION),
    opsetImport: [{ domain: "", version: BigInt(OPSET) }],
    producerName: "softmax-bench",
    docString: description,
    graph: {
      ...{ name, docString: description, node: nodes, initializer: initializers },
      input: inputs.map((value) => valueInfo(inputName(value), value, family)),
      output: Object.entries(outputs).map(([output, value]) => valueInfo(output, value, family)),
    },
  });
  return toBinary(ModelProtoSchema, model);
}

function valueInfo(
  name: string,
  value: Value,
  family: Family,
): MessageInitShape<typeof ValueInfoProtoSchema> {
  const shapes = family.shapes(value);
  const dim = value.shape.map((_, axis) => {
    const sizes = shapes.map((shape) => shape[axis] as number);
    const { slope, offset } = affine(sizes, family.sizes);
    if (slope === 0) return { value: { case: "dimValue", value: BigInt(offset) } } as const;
    const symbol = `${slope === 1 ? "" : `${slope}*`}batch${offset === 0 ? "" : `+${offset}`}`;
    return { value: { case: "dimParam", value: symbol } } as const;
  });
  const elemType = ONNX_DTYPE[value.dtype];
  return { name, type: { value: { case: "tensorType", value: { elemType, shape: { dim } } } } };
}
