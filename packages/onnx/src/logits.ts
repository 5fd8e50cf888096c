import { isFloat, type Node, sameShape, type Value } from "@softmax-bench/graph";
import { ModelError, quote } from "./read/error.js";
import type { ReadGraph } from "./read/graph.js";

/** Finds an output, or any value inside the model, by its name: the only floating-point output by default. */
export function findOutput(model: ReadGraph, name: string | undefined): Value {
  const value = findValue(model, name);
  if (isFloat(value)) return value;
  throw new ModelError(
    `a loss needs a floating-point output, ${quote(name ?? "")} is ${value.dtype}[${value.shape}]`,
  );
}

/** Finds the logits: an output, or any value inside the model, by its name. */
export function findLogits(model: ReadGraph, name: string | undefined): Value {
  const value = findValue(model, name);
  if (!isFloat(value) || value.shape.length < 2) {
    throw new ModelError(
      `logits must be floating-point [N, C] or of higher rank, ${quote(findName(model, value) ?? "the value")} is ${value.dtype}[${value.shape}]`,
    );
  }
  return value;
}

const findValue = (model: ReadGraph, name: string | undefined): Value =>
  name === undefined ? onlyFloatOutput(model) : valueNamed(model, name);

const listed = ({ outputs }: ReadGraph): string => Object.keys(outputs).map(quote).join(", ");

function onlyFloatOutput(model: ReadGraph): Value {
  const [only, ...others] = Object.values(model.outputs).filter(isFloat);
  if (!only) throw new ModelError(`there is no floating-point output; there are ${listed(model)}`);
  if (others.length > 0) throw new ModelError(`which output are the logits? There are ${listed(model)}`);
  return only;
}

function valueNamed(model: ReadGraph, name: string): Value {
  const value = Object.hasOwn(model.outputs, name) ? model.outputs[name] : model.values?.get(name);
  if (value) return value;
  throw new ModelError(`there is no value ${quote(name)} in the model; its outputs are ${listed(model)}`);
}

function findName(model: ReadGraph, value: Value): string | undefined {
  const named = [...Object.entries(model.outputs), ...(model.values ?? [])];
  return named.find(([, of]) => of === value)?.[0];
}

/** Operators whose result is a probability or its logarithm, wherever the elements are moved afterwards. */
const PROBABILITIES: ReadonlySet<string> = new Set(["Softmax", "LogSoftmax", "Sigmoid"]);
const PASSED: ReadonlySet<string> = new Set([
  "Cast",
  "Clip",
  "Expand",
  "Flatten",
  "Identity",
  "Log",
  "Reshape",
  "Squeeze",
  "Transpose",
  "Unsqueeze",
  "Where",
]);

/**
 * An objection to a loss on these logits, in words; undefined if there is none.
 * @param classes undefined if each element is a logit of its own
 */
export function doubtAbout(model: ReadGraph, logits: Value, classes: number | undefined): string | undefined {
  const name = quote(findName(model, logits) ?? "logits");
  const found = probabilitiesIn(logits);
  if (found) {
    const before = found.inputs[0] && findName(model, found.inputs[0]);
    const instead = before === undefined ? "the value before it" : quote(before);
    return `${name} comes out of ${found.op === "Div" ? "a softmax" : found.op}, and the loss takes logits: choose ${instead} instead (\`logits\`), or insist (\`force\`)`;
  }
  if (classes === 1) {
    return `${name} is ${logits.dtype}[${logits.shape}], with one class, for which softmax cross-entropy is 0 whatever the label: choose logits of 2 classes or more (\`logits\`), or insist (\`force\`)`;
  }
  return undefined;
}

function probabilitiesIn({ node }: Value): Node | undefined {
  if (PROBABILITIES.has(node.op) || isQuotientOfExponentials(node)) return node;
  if (!PASSED.has(node.op)) return undefined;
  for (const operand of node.op === "Where" ? node.inputs.slice(1) : node.inputs) {
    const found = probabilitiesIn(operand);
    if (found) return found;
  }
  return undefined;
}

/** True for exp(x) / Σ exp(x), written out. */
function isQuotientOfExponentials({ op, inputs: [a, b] }: Node): boolean {
  if (op !== "Div" || a?.node.op !== "Exp" || !b) return false;
  let divisor = b;
  while (["Expand", "Reshape", "Unsqueeze"].includes(divisor.node.op))
    divisor = divisor.node.inputs[0] as Value;
  return divisor.node.op === "ReduceSum" && divisor.node.inputs[0] === a;
}

/**
 * The class axis of the logits, non-negative: the given one, the second of two, or the output axis of the layer that
 * computes them.
 * @throws ModelError if it is outside the shape, or cannot be determined
 */
export function resolveClassAxis(logits: Value, given: number | undefined): number {
  const rank = logits.shape.length;
  if (given !== undefined) {
    const axis = given < 0 ? given + rank : given;
    if (Number.isInteger(axis) && axis >= 1 && axis < rank) return axis;
    throw new ModelError(
      `class axis ${given} is outside logits [${logits.shape}], whose axis 0 is the batch: give 1 to ${rank - 1}`,
    );
  }
  if (rank === 2) return 1;
  const axis = findFeatureAxis(logits);
  if (axis !== undefined && axis > 0) return axis;
  throw new ModelError(
    `logits [${logits.shape}] may have their classes on any axis from 1 to ${rank - 1}: name it (\`classAxis\`), e.g. 1 for [N, C, d…]`,
  );
}

const ON_LAST_AXIS: ReadonlySet<string> = new Set(["MatMul", "Gemm", "LayerNormalization"]);
const ON_AXIS_1: ReadonlySet<string> = new Set(["Conv", "ConvTranspose", "BatchNormalization"]);

/** The axis of a value with the outputs of its layer; undefined if it cannot be determined. */
function findFeatureAxis({ node, shape }: Value): number | undefined {
  const rank = shape.length;
  if (ON_LAST_AXIS.has(node.op)) return rank - 1;
  if (ON_AXIS_1.has(node.op)) return 1;
  const [x] = node.inputs;
  if (!x) return undefined;
  if (node.op === "Transpose") {
    const inner = findFeatureAxis(x);
    const axis = (node.attributes.perm as readonly number[]).indexOf(inner ?? -1);
    return axis < 0 ? undefined : axis;
  }
  if (node.op === "Reshape") return keptAxis(x, shape, findFeatureAxis(x));
  const alike = node.inputs.filter((operand) => operand.shape.length === rank);
  const same = alike.find((operand) => sameShape(operand.shape, shape) && operand.node.op !== "Constant");
  const operand = same ?? (alike.includes(x) ? x : alike[0]);
  return operand && findFeatureAxis(operand);
}

/** The position of an axis after a reshape that preserves it: the last one, or the second with the same batch. */
function keptAxis(x: Value, shape: Value["shape"], axis: number | undefined): number | undefined {
  if (axis === undefined) return undefined;
  if (axis === x.shape.length - 1 && shape.at(-1) === x.shape.at(-1)) return shape.length - 1;
  const isSecond = axis === 1 && shape[0] === x.shape[0] && shape[1] === x.shape[1];
  return isSecond ? 1 : undefined;
}
