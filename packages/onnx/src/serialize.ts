import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Graph, GraphError, inputName, topologicalOrder, type Value } from "@softmax-bench/graph";
import { Family } from "./family.js";
import { IR_VERSION, ONNX_DTYPE, OPSET } from "./operators.js";
import { cartesianProduct, isFixed, polynomial, type Term } from "./polynomial.js";
import { ModelProtoSchema, type ValueInfoProtoSchema } from "./proto/onnx_pb.js";
import { NodeWriter } from "./write-nodes.js";

/**
 * Writes a graph as the bytes of an ONNX model (opset 17, IR version 8). Inputs and outputs keep their names; nodes
 * that no output depends on are omitted.
 * @throws GraphError if an operator has no ONNX form, or the constants exceed the size of a protobuf.
 */
export const serialize = (graph: Graph): Uint8Array => write(new Family([graph], [], []));

/** The first sizes to compare, and two smaller probes that show which sizes are always present. */
interface Start {
  readonly least: number;
  readonly probes: readonly [number, number];
}

/** Sums and products of primes from here on are unlikely to be sizes of anything else. */
const LARGE: Start = { least: 101, probes: [89, 97] };
/** A model may limit the number of positions: smaller sizes are then tried. */
const SMALLER: readonly Start[] = [
  { least: 37, probes: [29, 31] },
  { least: 17, probes: [11, 13] },
  { least: 5, probes: [2, 3] },
];
/** Attempts for the first size, usually the batch, and for the others. */
const ATTEMPTS: readonly (readonly [Start, Start])[] = [
  ...[LARGE, ...SMALLER].map((start) => [LARGE, start] as const),
  ...SMALLER.map((start) => [start, start] as const),
];
/** The number of compared values of a size. With two, anything would look affine. */
const COMPARED = 3;
/** The maximum number of open sizes. With more, there would be hundreds of graphs to compare. */
const MOST_OPEN = 3;

/**
 * Writes a family of graphs, one for each batch size, as the bytes of one model in which the batch size is the symbolic
 * dimension `batch`; see `serializeOpen`.
 */
export const serializeBatched = (buildGraph: (batch: number) => Graph): Uint8Array =>
  serializeOpen(["batch"], ({ batch = 1 }) => buildGraph(batch));

/**
 * Writes a family of graphs, one for each combination of some open sizes, as the bytes of one model with symbolic
 * dimensions. The graphs must be the same except for sizes and numbers that are sums of products of them: they are
 * built for three values of each, and compared.
 *
 * @param names names of the open sizes, the batch first
 * @throws GraphError if they differ, naming the operator; or if an operator has no ONNX form, or more than three are
 * open.
 */
export function serializeOpen(
  names: readonly string[],
  buildGraph: (sizes: Readonly<Record<string, number>>) => Graph,
): Uint8Array {
  if (names.length > MOST_OPEN) throw new GraphError(`${names.length} open sizes are more than ${MOST_OPEN}`);
  const make = (point: readonly number[]) =>
    buildGraph(Object.fromEntries(names.map((name, at) => [name, point[at] as number])));
  let refused: unknown;
  for (const [first, others] of ATTEMPTS) {
    try {
      const starts = names.map((_, at) => (at === 0 ? first : others));
      return write(new Family(...sampleGraphs(names, make, starts)));
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error;
      refused ??= error.cause;
    }
  }
  throw refused;
}

/** Graphs of some sizes cannot be built. */
class TooLarge extends Error {}

/** Graphs for every combination of three values of each size, chosen so that none is a size of anything else. */
function sampleGraphs(
  names: readonly string[],
  buildGraph: (point: readonly number[]) => Graph,
  starts: readonly Start[],
): [Graph[], readonly string[], number[][]] {
  const buildAt = (point: readonly number[]): Graph => {
    try {
      return buildGraph(point);
    } catch (cause) {
      throw new TooLarge("", { cause });
    }
  };
  const [some, others] = ([0, 1] as const).map((which) =>
    sizesIn(buildAt(starts.map(({ probes }) => probes[which]))),
  ) as [Set<number>, Set<number>];
  const taken = new Set<number>();
  const axes = starts.map(({ least }) => {
    const sizes: number[] = [];
    for (let size = least; sizes.length < COMPARED; size++) {
      // A batch with as many rows as classes, for example, would make the graph look simpler than it is.
      const isOfElse = some.has(size) && others.has(size);
      if (!isPrime(size) || isOfElse || taken.has(size)) continue;
      taken.add(size);
      sizes.push(size);
    }
    return sizes;
  });
  return [cartesianProduct(axes).map(buildAt), names, axes];
}

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor ** 2 <= number; divisor++) if (number % divisor === 0) return false;
  return true;
}

const sizesIn = ({ inputs, outputs }: Graph): Set<number> => {
  const nodes = topologicalOrder([...inputs, ...Object.values(outputs)]);
  return new Set(nodes.flatMap((node) => node.outputs.flatMap(({ shape }) => shape)));
};

/** The maximum size of a protobuf message, minus the parts of a model other than its tensors. */
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
      name,
      docString: description,
      node: nodes,
      initializer: initializers,
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
    const terms = polynomial(sizes, family.axes);
    if (isFixed(terms)) return { value: { case: "dimValue", value: BigInt(sizes[0] as number) } } as const;
    return {
      value: { case: "dimParam", value: terms.map((term) => symbol(term, family.names)).join("+") },
    } as const;
  });
  const elemType = ONNX_DTYPE[value.dtype];
  return { name, type: { value: { case: "tensorType", value: { elemType, shape: { dim } } } } };
}

/** A term as written in a shape: `2*batch*length`. */
function symbol({ factor, powers }: Term, names: readonly string[]): string {
  const sizes = powers.flatMap((power, at) => new Array<string>(power).fill(names[at] as string));
  return (factor === 1 && sizes.length > 0 ? sizes : [String(factor), ...sizes]).join("*");
}
