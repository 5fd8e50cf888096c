import { constantTensor, type Node, type Value } from "../graph.js";
import { read, type TensorData } from "../tensor.js";

/** Patterns that rules match. */

/** Operators each of whose elements depends only on the operands' elements at the same place; all of them broadcast. */
export const ELEMENTWISE: ReadonlySet<string> = new Set([
  ...["Neg", "Exp", "Log", "Sqrt", "Abs", "Relu", "Sigmoid", "Tanh", "Erf", "Cast", "Clip", "LeakyRelu"],
  ...["Softplus", "Floor", "Round", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan"],
  ...["Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Mod", "And", "Or", "Not"],
  ...["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Equal", "Greater", "Less", "Where"],
]);

/** Cached facts about constants: thousands of nodes may use a constant with millions of elements. */
const found = new WeakMap<TensorData, number | undefined>();

/** The common value of all elements of a constant, if there is one. */
export function uniform({ node }: Value): number | undefined {
  if (node.op !== "Constant") return undefined;
  const { data } = constantTensor(node);
  if (!found.has(data)) found.set(data, uniformIn(data));
  return found.get(data);
}

function uniformIn(data: TensorData): number | undefined {
  if (data.length === 0) return undefined;
  const first = read(data, 0);
  for (let index = 1; index < data.length; index++)
    if (!Object.is(read(data, index), first)) return undefined;
  return first;
}

/** Returns the node that makes a value if it has this operator. */
export const madeBy = (op: string, { node }: Value): Node | undefined => (node.op === op ? node : undefined);
