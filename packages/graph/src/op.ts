import { GraphError } from "./error.js";
import { type Attributes, makeNode, type Node, outputOf, type Value } from "./graph.js";
import { checkShape, type DType, formatType, rounded, type Tensor, type TensorType } from "./tensor.js";

/** The input of a gradient rule: the node and the gradient of the result with respect to each of its outputs. */
export interface GradientContext {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
  /** One entry per output; `undefined` if the result does not depend on that output. */
  readonly upstream: readonly (Value | undefined)[];
}

/** An operator: everything that this project knows about it, in one place. */
export interface OpDefinition {
  /** ONNX operator name. */
  readonly name: string;
  /** Supported element types of the first input. Default: all. */
  readonly dtypes?: readonly DType[];
  /** Types of the outputs. @throws GraphError if the inputs do not fit the operator. */
  infer(inputs: readonly TensorType[], attributes: Attributes): readonly TensorType[];
  /**
   * Reference semantics: float32 results are computed in double precision and rounded once. Half-precision results may
   * be numbers of float32 that are not rounded yet; see `evaluateNode`.
   */
  evaluate(
    inputs: readonly Tensor[],
    attributes: Attributes,
    outputs: readonly TensorType[],
  ): readonly Tensor[];
  /**
   * Gradient with respect to each input, as an expression in the graph's own ops; `undefined` for an input without a
   * gradient. An operator without a rule cannot be differentiated.
   */
  readonly gradient?: (context: GradientContext) => readonly (Value | undefined)[];
  /**
   * The same operator in simpler ones, like the function bodies of the ONNX specification, for runtimes without a
   * kernel for it.
   */
  readonly body?: Body;
}

/** Computes all outputs of an operator from its inputs. */
export type Body = (inputs: readonly Value[], attributes: Attributes) => readonly Value[];

const definitions = new Map<string, OpDefinition>();

export function register(ops: readonly OpDefinition[]): void {
  for (const op of ops) definitions.set(op.name, op);
}

/** Names of all registered operators, sorted. */
export const operatorNames = (): string[] => [...definitions.keys()].sort();

export function findDefinition(op: string): OpDefinition {
  const definition = definitions.get(op);
  if (!definition)
    throw new GraphError(`unknown operator ${op}; known operators: ${operatorNames().join(", ")}`);
  return definition;
}

/**
 * The outputs of a node for given inputs: the reference semantics. Rounding a sum, product, quotient or square root of
 * half-precision numbers to float32 and then to half precision is the same as rounding it once (Figueroa 1995).
 */
export const evaluateNode = (
  { op, attributes, outputs }: Node,
  inputs: readonly Tensor[],
): readonly Tensor[] => findDefinition(op).evaluate(inputs, attributes, outputs).map(rounded);

/** The node in words, for messages: `Div(float32[2,3], float32[2,1])`. */
export const describeNode = (node: Node): string =>
  `${node.op}(${node.inputs.map(formatType).join(", ")})${
    typeof node.attributes.name === "string" ? ` "${node.attributes.name}"` : ""
  }`;

/**
 * Applies an operator and returns all its outputs.
 * @throws GraphError if the operator is unknown or its inputs do not fit.
 */
export function applyAll(
  op: string,
  inputs: readonly Value[],
  attributes: Attributes = {},
): readonly Value[] {
  const { infer, dtypes } = findDefinition(op);
  try {
    const [first] = inputs;
    if (dtypes && first && !dtypes.includes(first.dtype)) {
      throw new GraphError(`takes ${dtypes.join(", ")}, got ${first.dtype}`);
    }
    const types = infer(inputs, attributes);
    for (const type of types) checkShape(type);
    return makeNode(op, inputs, attributes, types).outputs;
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    const operands = inputs.map(formatType).join(", ");
    throw new GraphError(`${op}(${operands}): ${error.message}`, { cause: error });
  }
}

/** Applies an operator and returns its first output. */
export function apply(op: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
  const [first] = applyAll(op, inputs, attributes);
  return first ?? outputOf(makeNode(op, inputs, attributes, []));
}
