import { isFloat, read, sizeOf, type Tensor } from "@softmax-bench/graph";
import type { NodeProto } from "../proto/onnx_pb.js";
import { areSlopes, isMask, isTableOfSines, isUniform } from "./recognize.js";
import type { StoredTensor } from "./tensors.js";
import { findTies, isModulePath, type Relation, type Tie } from "./ties.js";
import { isNormalization, type Use, UseIndex, WEIGHTS } from "./use-index.js";

/** The decision whether a stored tensor is trained, and its reason in the graph. */
export interface Choice {
  readonly isParameter: boolean;
  readonly reason: string;
  /** The parameter of which it is a copy that changes with it. */
  readonly tie?: Tie;
}

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

/** Operators that an exporter would have computed for a constant. */
const TRANSFORMS: ReadonlySet<string> = new Set(["Exp", "Sigmoid", "Softplus", "Tanh"]);

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
  const hasNames = floats.some(({ name }) => isModulePath(name));
  const choose = (of: StoredTensor): Choice => {
    if (of.isInNode && hasInitializers && !uses.isWeightOfLayer(of.name))
      return constant("in a Constant node, while weights are initialisers");
    if (hasNames && isPlaceholder(of, uses))
      return constant(`all ${read(of.read().data, 0)}, for a normalisation that has none of its own`);
    return chooseRole(of, uses);
  };
  const choices = new Map(floats.map((of) => [of.name, choose(of)] as const));
  for (const [copy, tie] of findTies(floats, uses)) {
    choices.set(copy, { ...constant(`tied to ${tie.original}: ${RELATIONS[tie.relation]}`), tie });
  }
  return choices;
}

const RELATIONS = {
  same: "the same layer, used again",
  transpose: "its transpose",
  complement: "1 minus it, the other weight of a mixture",
} satisfies Record<Relation, string>;

const parameter = (reason: string): Choice => ({ isParameter: true, reason });
const constant = (reason: string): Choice => ({ isParameter: false, reason });

/** Operators that need a scale, and some an offset, even of a layer that has none. */
const NORMALIZATIONS: ReadonlySet<string> = new Set([
  "BatchNormalization",
  "GroupNormalization",
  "InstanceNormalization",
  "LayerNormalization",
  "RMSNormalization",
]);

/** True for ones or zeros without a name of the network that only normalisations use, as their scale or offset. */
function isPlaceholder(stored: StoredTensor, index: UseIndex): boolean {
  if (isModulePath(stored.name) || sizeOf(stored.shape) === 0) return false;
  const uses = index.usesOf(stored.name);
  const isScale = uses.every(({ node, position }) => NORMALIZATIONS.has(node.opType) && position > 0);
  if (uses.length === 0 || !isScale) return false;
  const tensor = stored.read();
  return [0, 1].includes(read(tensor.data, 0)) && isUniform(tensor);
}

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

function choiceByValue(tensor: Tensor, opType: string): Choice {
  if (isMask(tensor)) return constant("a mask");
  if (isTableOfSines(tensor)) return constant("a table of sines and cosines");
  if (opType === "Mul" && areSlopes(tensor)) return constant("slopes of attention's linear biases");
  if (FILLS.has(opType) && isUniform(tensor))
    return constant(`filled with ${read(tensor.data, 0)} in ${opType}`);
  return parameter(`an operand of ${opType}`);
}

/** A node, preceded by those of its branches. */
const withInner = (node: NodeProto): NodeProto[] => [
  ...node.attribute.flatMap(({ g }) => g?.node.flatMap(withInner) ?? []),
  node,
];
