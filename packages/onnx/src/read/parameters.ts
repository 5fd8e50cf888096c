import { isFloat, read, sizeOf, type Tensor } from "@softmax-bench/graph";
import { type NodeProto, TensorProto_DataType } from "../proto/onnx_pb.js";
import {
  areSlopes,
  isEqual,
  isMask,
  isTableOfSines,
  isTransposed,
  isUniform,
  sampleOf,
} from "./recognize.js";
import type { StoredTensor } from "./tensors.js";

/** The decision whether a stored tensor is trained, and its reason in the graph. */
export interface Choice {
  readonly isParameter: boolean;
  readonly reason: string;
  /** The parameter of which it is a copy that changes with it. */
  readonly tie?: Tie;
}

/** A parameter that the file stores once more. */
export interface Tie {
  readonly original: string;
  readonly isTransposed: boolean;
}

interface Use {
  readonly node: NodeProto;
  readonly position: number;
}

/** Operators that move elements without computing with them: the uses of their results are those of their operand. */
const MOVEMENTS: ReadonlySet<string> = new Set([
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
const WEIGHTS: ReadonlyMap<string, readonly number[]> = new Map(
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

/** Positions of operands that are numbers known when a model is read, or statistics, by operator. */
const SETTINGS: ReadonlyMap<string, readonly number[]> = new Map(
  Object.entries<readonly number[]>({
    BatchNormalization: [3, 4],
    Clip: [1, 2],
    Dropout: [1],
    OneHot: [2],
    Pad: [2],
    Pow: [1],
    Range: [0, 1, 2],
    Resize: [1, 2],
    RotaryEmbedding: [1, 2],
  }),
);

/** Operators with which masks are made: of the same number throughout, in places or under a condition. */
const FILLS: ReadonlySet<string> = new Set(["ScatterElements", "ScatterND", "Where"]);

/** Limits of a value are settings, too. */
const LIMITS: ReadonlySet<string> = new Set(["Max", "Min", "Mod"]);

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

const FLOATS: ReadonlySet<number> = new Set([TensorProto_DataType.FLOAT, TensorProto_DataType.DOUBLE]);

/** True if a node's operator lets a gradient flow from its results to its operands. */
const hasGradient = ({ opType, attribute }: NodeProto): boolean =>
  !WITHOUT_GRADIENT.has(opType) && !(opType === "Cast" && !attribute.some(({ i }) => FLOATS.has(Number(i))));

/** Operators that an exporter would have computed for a constant. */
const TRANSFORMS: ReadonlySet<string> = new Set(["Exp", "Sigmoid", "Softplus", "Tanh"]);

/** True for a path of attributes, as PyTorch names the parameters of modules: `encoder.0.scale`. */
const isModulePath = (name: string): boolean => /^[A-Za-z_]\w*(\.\w+)+$/.test(name);

/**
 * Decides which of a model's stored floating-point tensors are trained. A file does not say: exporters store weights
 * and the numbers of formulas alike. A tensor's uses decide and, for operands of elementwise arithmetic, its values.
 */
export function chooseParameters(
  nodes: readonly NodeProto[],
  stored: ReadonlyMap<string, StoredTensor>,
  outputs: readonly string[],
): Map<string, Choice> {
  const uses = new UseIndex(nodes.flatMap(withInner), stored, outputs);
  const floats = [...stored.values()].filter(isFloat);
  const hasInitializers = floats.some((of) => !of.isInNode && sizeOf(of.shape) > 1);
  const choices = new Map(
    floats.map((of) => {
      const isLifted = of.isInNode && hasInitializers && !uses.isWeightOfLayer(of.name);
      const choice = isLifted
        ? constant("in a Constant node, while weights are initialisers")
        : chooseRole(of, uses);
      return [of.name, choice] as const;
    }),
  );
  for (const [copy, tie] of [...equalCopies(floats, uses), ...transposedCopies(floats, uses)]) {
    const relation = tie.isTransposed ? "its transpose" : "the same layer, used again";
    choices.set(copy, { ...constant(`tied to ${tie.original}: ${relation}`), tie });
  }
  return choices;
}

/**
 * Finds tables of rows that are looked up and, transposed, serve as a weight of a product: exporters store a tied
 * weight twice, under different names.
 */
function transposedCopies(stored: readonly StoredTensor[], uses: UseIndex): [copy: string, tie: Tie][] {
  const matrices = stored.filter(({ shape }) => shape.length === 2 && sizeOf(shape) > 1);
  const isUsedBy = ({ name }: StoredTensor, operators: readonly string[]) =>
    uses.isNeeded(name) && uses.usesOf(name).some(({ node }) => operators.includes(node.opType));
  const tables = matrices.filter((of) => isModulePath(of.name) && isUsedBy(of, ["Gather"]));
  const products = matrices.filter((of) => !isModulePath(of.name) && isUsedBy(of, ["MatMul", "Gemm"]));
  return products.flatMap((copy) => {
    const original = tables.find(
      ({ dtype, shape: [rows, columns] }) =>
        dtype === copy.dtype && rows === copy.shape[1] && columns === copy.shape[0],
    );
    if (!original || !isTransposed(copy.read(), original.read())) return [];
    return [[copy.name, { original: original.name, isTransposed: true }] as [string, Tie]];
  });
}

/**
 * Finds weights that are equal, and that the same layer uses: PyTorch's exporter stores the transposed weight of a layer
 * once for each use of the layer, under names of its own.
 */
function equalCopies(stored: readonly StoredTensor[], uses: UseIndex): [copy: string, tie: Tie][] {
  const originals = new Map<string, { readonly name: string; readonly layers: readonly string[] }[]>();
  return stored.flatMap((of) => {
    const isMatrix = of.shape.length === 2 && sizeOf(of.shape) > 1;
    if (!isMatrix || isModulePath(of.name) || !uses.isNeeded(of.name)) return [];
    const layers = uses.layersOf(of.name);
    if (layers.length === 0) return [];
    const key = `${of.dtype} ${of.shape} ${sampleOf(of.read())}`;
    const alike = originals.get(key) ?? [];
    const original = alike.find(
      (other) =>
        other.layers.some((layer) => layers.includes(layer)) &&
        isEqual(of.read(), (stored.find(({ name }) => name === other.name) as StoredTensor).read()),
    );
    if (original) return [[of.name, { original: original.name, isTransposed: false }] as [string, Tie]];
    originals.set(key, [...alike, { name: of.name, layers }]);
    return [];
  });
}

const parameter = (reason: string): Choice => ({ isParameter: true, reason });
const constant = (reason: string): Choice => ({ isParameter: false, reason });

function chooseRole(stored: StoredTensor, index: UseIndex): Choice {
  const uses = index.isNeeded(stored.name) ? index.usesOf(stored.name) : [];
  if (uses.length === 0) return constant("no gradient flows to it");
  const choices = uses.map((use) => choiceByUse(stored, use, index));
  return choices.find(({ isParameter }) => isParameter) ?? (choices[0] as Choice);
}

function choiceByUse(stored: StoredTensor, { node, position }: Use, index: UseIndex): Choice {
  const { opType } = node;
  const isNumber = sizeOf(stored.shape) === 1;
  if (SETTINGS.get(opType)?.includes(position)) {
    return constant(opType === "BatchNormalization" ? "a running statistic" : `a setting of ${opType}`);
  }
  if (LIMITS.has(opType)) return constant(`a limit in ${opType}`);
  if (index.feedsOnly(node, ["Sin", "Cos"])) return constant("frequencies of sines and cosines");
  if (WEIGHTS.get(opType)?.includes(position)) {
    // The operand of a layer, or the table of a look-up, may be the positions' sines and cosines.
    const isTable = position === 0 && isTableOfSines(stored.read());
    return isTable ? constant("a table of sines and cosines") : parameter(`a weight of ${opType}`);
  }
  if (TRANSFORMS.has(opType)) return parameter(`${opType} is computed from it`);
  if (isNumber) {
    return isModulePath(stored.name)
      ? parameter("one number, but named as an attribute of a module")
      : constant(`one number in ${opType}`);
  }
  if (isNormalization(node) && position === 1 && index.isOfInputs(node.input[0] ?? "")) {
    return constant("it normalises an input of the model");
  }
  return choiceByValue(stored.read(), opType);
}

/** True for subtracting the mean of inputs, or dividing by their deviation. Layers add and multiply. */
const isNormalization = ({ opType }: NodeProto): boolean => opType === "Sub" || opType === "Div";

function choiceByValue(tensor: Tensor, opType: string): Choice {
  if (isMask(tensor)) return constant("a mask");
  if (isTableOfSines(tensor)) return constant("a table of sines and cosines");
  if (opType === "Mul" && areSlopes(tensor)) return constant("slopes of attention's linear biases");
  if (FILLS.has(opType) && isUniform(tensor))
    return constant(`filled with ${read(tensor.data, 0)} in ${opType}`);
  return parameter(`an operand of ${opType}`);
}

/** The dependencies between values, by name, without any shapes. */
class UseIndex {
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

/** A node, preceded by those of its branches. */
const withInner = (node: NodeProto): NodeProto[] => [
  ...node.attribute.flatMap(({ g }) => g?.node.flatMap(withInner) ?? []),
  node,
];

/** The values that a node reads, including its branches. */
const namesRead = ({ input, attribute }: NodeProto): string[] => [
  ...input,
  ...attribute.flatMap(({ g }) =>
    g ? [...g.node.flatMap(namesRead), ...g.output.map(({ name }) => name)] : [],
  ),
];
