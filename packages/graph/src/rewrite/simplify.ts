import { broadcastShapes } from "../broadcast.js";
import type { Node, Value } from "../graph.js";
import { apply } from "../op.js";
import { sameShape, sizeOf } from "../tensor.js";
import {
  add,
  cast,
  expand,
  greater,
  less,
  mul,
  neg,
  reshape,
  scalar,
  sub,
  transpose,
} from "../vocabulary/index.js";
import { ELEMENTWISE, madeBy, uniform } from "./patterns.js";
import type { Rule } from "./rewrite.js";

/** A rule for an operator with one output: returns its replacement, or undefined. */
type Simplification = (node: Node, inputs: readonly Value[]) => Value | undefined;

/** Removes factors and divisors of 1 and summands of 0. Bit-identical, except that −0 + 0 stays −0. */
const neutral: Simplification = ({ op, outputs: [y] }, [a, b]) => {
  if (!a || !b || !y) return undefined;
  const keeps = (value: Value, operand: Value, element: number) =>
    uniform(operand) === element && sameShape(value.shape, y.shape) && value.dtype === y.dtype
      ? value
      : undefined;
  if (op === "Mul") return keeps(a, b, 1) ?? keeps(b, a, 1);
  if (op === "Add") return keeps(a, b, 0) ?? keeps(b, a, 0);
  if (op === "Div") return keeps(a, b, 1);
  return op === "Sub" ? keeps(a, b, 0) : undefined;
};

/** Removes double negation. Bit-identical. */
const signs: Simplification = ({ op }, [a, b]) => {
  if (op === "Neg" && a) return madeBy("Neg", a)?.inputs[0];
  const negated = b && madeBy("Neg", b)?.inputs[0];
  if (!a || !negated) return undefined;
  if (op === "Sub") return add(a, negated);
  return op === "Add" ? sub(a, negated) : undefined;
};

/** Removes operators that change nothing, or that the next one of their kind makes redundant. Bit-identical. */
const movements: Simplification = ({ op, attributes, outputs: [y] }, [x]) => {
  if (!x || !y) return undefined;
  const inner = madeBy(op, x)?.inputs[0];
  if (op === "Identity") return x;
  if (op === "Reshape") return sameShape(x.shape, y.shape) ? x : inner && reshape(inner, y.shape);
  if (op === "Expand") return sameShape(x.shape, y.shape) ? x : inner && expand(inner, y.shape);
  if (op === "Cast") return x.dtype === y.dtype ? x : undefined;
  if (op === "Pad" || op === "Slice") return sameShape(x.shape, y.shape) ? x : undefined;
  if (op === "Transpose") {
    const perm = attributes.perm as readonly number[];
    if (perm.every((axis, position) => axis === position)) return x;
    const first = inner && (x.node.attributes.perm as readonly number[]);
    return (
      first &&
      transpose(
        inner,
        perm.map((axis) => first[axis] as number),
      )
    );
  }
  return undefined;
};

/** Computes an elementwise operator on repeated elements once each, and repeats the result. Bit-identical. */
const expandLater: Simplification = ({ op, attributes, outputs: [y] }, inputs) => {
  const short = y && ELEMENTWISE.has(op) && withoutExpand(inputs);
  if (!short) return undefined;
  const shape = short.map((value) => value.shape).reduce(broadcastShapes);
  if (sizeOf(shape) === sizeOf(y.shape)) return undefined;
  return expand(apply(op, short, attributes), y.shape);
};

/** Lets an elementwise operator broadcast by itself instead of reading a materialised `Expand`. Bit-identical. */
const elideExpand: Simplification = ({ op, attributes, outputs: [y] }, inputs) => {
  const short = y && ELEMENTWISE.has(op) && withoutExpand(inputs);
  if (!short || !sameShape(short.map(({ shape }) => shape).reduce(broadcastShapes), y.shape))
    return undefined;
  return apply(op, short, attributes);
};

/** The values as they are before they are repeated; undefined if none of them is. */
function withoutExpand(inputs: readonly Value[]): readonly Value[] | undefined {
  const expanded = inputs.map((input) => madeBy("Expand", input));
  if (!expanded.some(Boolean)) return undefined;
  return inputs.map((input, position) => expanded[position]?.inputs[0] ?? input);
}

/**
 * A one-hot row sums to 1 if its index is a class, else to 0; a row times a factor sums to the factor or 0.
 * Bit-identical, except for the sign of 0.
 */
const sumOfOneHot: Simplification = ({ op, attributes, outputs: [y] }, [x]) => {
  if (op !== "ReduceSum" || !x || !y || String(attributes.axes) !== String([x.shape.length - 1]))
    return undefined;
  const [a, b] = madeBy("Mul", x)?.inputs ?? [x, scalar(1, x.dtype)];
  const [rows, factor] = a && madeBy("OneHot", a) ? [a, b] : [b, a];
  const [indices] = (rows && madeBy("OneHot", rows)?.inputs) ?? [];
  if (!indices || !rows || !factor || !sameShape(rows.shape, x.shape) || (factor.shape.at(-1) ?? 1) !== 1) {
    return undefined;
  }
  const kept = [...indices.shape, 1];
  return reshape(mul(factor, reshape(isClass(indices, rows), kept)), y.shape);
};

/** Returns 1 if the index is one of the rows' columns, else 0. */
function isClass(indices: Value, { dtype, shape }: Value): Value {
  const limit = (value: number) => scalar(value, indices.dtype);
  const notBelow = cast(greater(indices, limit(-1)), dtype);
  return mul(notBelow, cast(less(indices, limit(shape.at(-1) as number)), dtype));
}

/** −1 · x is −x. Bit-identical. */
const negation: Simplification = ({ op, outputs: [y] }, [a, b]) => {
  if (op !== "Mul" || !a || !b || !y) return undefined;
  if (uniform(b) === -1 && sameShape(a.shape, y.shape)) return neg(a);
  return uniform(a) === -1 && sameShape(b.shape, y.shape) ? neg(b) : undefined;
};

const SIMPLIFICATIONS = [
  ...[movements, neutral, negation, signs],
  ...[expandLater, elideExpand],
  sumOfOneHot,
];

/** Algebraic simplification: the first of the above that applies. */
export const simplify: Rule = (node, inputs) => {
  for (const simplification of SIMPLIFICATIONS) {
    const value = simplification(node, inputs);
    if (value) return [value];
  }
  return undefined;
};
