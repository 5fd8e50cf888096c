import { FLOATS, isFloat, sizeOf } from "@softmax-bench/graph";
import { ONNX_DTYPE } from "../operators.js";
import type { NodeProto } from "../proto/onnx_pb.js";
import type { StoredTensor } from "./tensors.js";

export interface Use {
  readonly node: NodeProto;
  readonly position: number;
}

/** Operators that move elements without computing with them: the uses of their results are those of their operand. */
export const MOVEMENTS: ReadonlySet<string> = new Set([
  "Cast",
  "CastLike",
  "Expand",
  "Flatten",
  "Identity",
  "Reshape",
  "Slice",
  "Split",
  "Squeeze",
  "Tile",
  "Transpose",
  "Unsqueeze",
]);

/** Positions of weights among a layer's operands, by operator. */
export const WEIGHTS: ReadonlyMap<string, readonly number[]> = new Map(
  Object.entries<readonly number[]>({
    BatchNormalization: [1, 2],
    Conv: [1, 2],
    ConvTranspose: [1, 2],
    Einsum: [0, 1, 2],
    GRU: [1, 2, 3],
    Gather: [0],
    Gemm: [0, 1, 2],
    GroupNormalization: [1, 2],
    InstanceNormalization: [1, 2],
    LSTM: [1, 2, 3, 7],
    LayerNormalization: [1, 2],
    MatMul: [0, 1],
    PRelu: [1],
    RMSNormalization: [1],
    RNN: [1, 2, 3],
  }),
);

/** Operators without gradients. */
const WITHOUT_GRADIENT: ReadonlySet<string> = new Set([
  "ArgMax",
  "ArgMin",
  "Equal",
  "Greater",
  "GreaterOrEqual",
  "IsInf",
  "IsNaN",
  "Less",
  "LessOrEqual",
  "NonZero",
  "Shape",
  "Size",
]);

/** Operands that are conditions or positions, by operator. */
const POSITIONS: ReadonlyMap<string, number> = new Map(
  Object.entries<number>({
    Gather: 1,
    GatherElements: 1,
    GatherND: 1,
    OneHot: 0,
    ScatterElements: 1,
    ScatterND: 1,
    Where: 0,
  }),
);

const FLOAT_TYPES: ReadonlySet<number> = new Set(FLOATS.map((dtype) => ONNX_DTYPE[dtype]));

/** True if a node's operator lets a gradient flow from its results to its operands. */
const hasGradient = ({ opType, attribute }: NodeProto): boolean =>
  !WITHOUT_GRADIENT.has(opType) &&
  !(opType === "Cast" && !attribute.some(({ i }) => FLOAT_TYPES.has(Number(i))));

/** True for subtracting the mean of inputs, or dividing by their deviation. Layers add and multiply. */
export const isNormalization = ({ opType }: NodeProto): boolean => opType === "Sub" || opType === "Div";

/** The dependencies between values, by name, without any shapes. */
export class UseIndex {
  readonly #consumers = new Map<string, Use[]>();
  /** Values that a gradient flows to. */
  readonly #needed: Set<string>;
  readonly #ofInputs: Set<string>;
  readonly #stored: ReadonlyMap<string, StoredTensor>;

  constructor(
    nodes: readonly NodeProto[],
    stored: ReadonlyMap<string, StoredTensor>,
    outputs: readonly string[],
  ) {
    this.#stored = stored;
    this.#needed = new Set(outputs);
    for (const node of nodes.toReversed()) {
      if (!node.output.some((name) => this.#needed.has(name)) || !hasGradient(node)) continue;
      for (const [position, name] of namesRead(node).entries()) {
        if (POSITIONS.get(node.opType) !== position) this.#needed.add(name);
      }
    }
    const made = new Set(nodes.flatMap(({ output }) => output));
    const isTrained = (name: string) => {
      const of = stored.get(name);
      return of !== undefined && isFloat(of) && sizeOf(of.shape) > 1;
    };
    this.#ofInputs = new Set(
      nodes.flatMap(({ input }) => input.filter((name) => !made.has(name) && !isTrained(name))),
    );
    for (const node of nodes) {
      for (const [position, name] of node.input.entries()) this.#add(name, { node, position });
      const operands = isNormalization(node) ? node.input.slice(0, 1) : namesRead(node);
      if (operands.every((name) => this.#ofInputs.has(name) || name === "")) {
        for (const name of node.output) this.#ofInputs.add(name);
      }
    }
  }

  #add(name: string, use: Use): void {
    const uses = this.#consumers.get(name);
    if (uses) uses.push(use);
    else this.#consumers.set(name, [use]);
  }

  /** True if a gradient flows to a value. */
  isNeeded(name: string): boolean {
    return this.#needed.has(name);
  }

  /** True if a value depends on the model's inputs and on no stored tensor of several numbers. */
  isOfInputs(name: string): boolean {
    return this.#ofInputs.has(name);
  }

  /** Uses of a value's elements, directly or after they were moved. */
  usesOf(name: string): Use[] {
    return this.#usesOf([name], MOVEMENTS);
  }

  /** The sums of products of which a value is a factor, directly or after it was moved. */
  sumsOfProducts(name: string): NodeProto[] {
    const products = this.usesOf(name).filter(({ node }) => node.opType === "Mul");
    return products
      .flatMap(({ node }) => this.#usesOf(node.output, MOVEMENTS))
      .map(({ node }) => node)
      .filter(({ opType }) => opType === "Add" || opType === "Sum");
  }

  /** True if a layer uses a value as its weight, not as its operand. */
  isWeightOfLayer(name: string): boolean {
    return this.usesOf(name).some(
      ({ node, position }) => position > 0 && (WEIGHTS.get(node.opType)?.includes(position) ?? false),
    );
  }

  /**
   * Marks of the layers whose products have a value as their weight: the path of the module as PyTorch's exporter notes
   * it, otherwise the name of the bias.
   */
  layersOf(name: string): string[] {
    const products = (this.#consumers.get(name) ?? []).filter(
      ({ node, position }) => position === 1 && (node.opType === "MatMul" || node.opType === "Gemm"),
    );
    return products.flatMap(({ node }) => moduleOf(node) ?? this.#biasOf(node) ?? []);
  }

  #biasOf({ opType, input, output }: NodeProto): string | undefined {
    if (opType === "Gemm") return input[2];
    const sums = (this.#consumers.get(output[0] ?? "") ?? []).filter(({ node }) => node.opType === "Add");
    return sums
      .flatMap(({ node, position }) => node.input[1 - position] ?? [])
      .find((of) => this.#stored.has(of));
  }

  /** True if a node's results flow only into these operators, moved or joined. */
  feedsOnly(node: NodeProto, operators: readonly string[]): boolean {
    const uses = this.#usesOf(node.output, new Set([...MOVEMENTS, "Concat"]));
    return uses.length > 0 && uses.every((use) => operators.includes(use.node.opType));
  }

  #usesOf(names: readonly string[], movements: ReadonlySet<string>): Use[] {
    const found: Use[] = [];
    const [seen, left] = [new Set<string>(), [...names]];
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      for (const use of this.#consumers.get(name) ?? []) {
        const { opType, output } = use.node;
        if (!hasGradient(use.node)) continue;
        const isMoved = movements.has(opType) && (use.position === 0 || opType === "Concat");
        if (isMoved) left.push(...output);
        else if (!MOVEMENTS.has(opType) && output.some((of) => this.isNeeded(of))) found.push(use);
      }
    }
    return found;
  }
}

/** The path of the module that a node belongs to, as PyTorch's exporter notes it. */
function moduleOf({ metadataProps }: NodeProto): string | undefined {
  const scopes = metadataProps.find(({ key }) => key === "pkg.torch.onnx.name_scopes")?.value;
  // The last of the scopes is the node itself.
  return scopes?.slice(0, scopes.lastIndexOf(","));
}

/** The values that a node reads, including its branches. */
const namesRead = ({ input, attribute }: NodeProto): string[] => [
  ...input,
  ...attribute.flatMap(({ g }) =>
    g ? [...g.node.flatMap(namesRead), ...g.output.map(({ name }) => name)] : [],
  ),
];
