import { constantTensor, type Node, type Value } from "../graph.js";
import { read, type TensorData } from "../tensor.js";

/** What rules look for. */

/** Operators whose every element depends on the operands' elements at its own place only, all of which broadcast. */
export const ELEMENTWISE: ReadonlySet<string> = new Set([
  ...["Neg", "Exp", "Log", "Sqrt", "Abs", "Relu", "Sigmoid", "Tanh", "Erf", "Cast", "Clip", "LeakyRelu"],
  ...["Softplus", "Floor", "Round", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan"],
  ...["Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Mod", "And", "Or", "Not"],
  ...["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Equal", "Greater", "Less", "Where"],
]);

/** Facts about constants, kept: thousands of nodes may use one of millions of elements. */
const found = new WeakMap<TensorData, number | undefined>();

/** The number that all elements of a constant are, if there is one. */
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

/** The operands of a value that an operator makes, if this one does. */
export const madeBy = (op: string, { node }: Value): Node | undefined => (node.op === op ? node : undefined);
