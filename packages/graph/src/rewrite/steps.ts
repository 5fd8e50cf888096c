import type { Value } from "../graph.js";
import { sameShape, sizeOf } from "../tensor.js";
import { matMul, mul, neg, reduceSum, scatterElements, transposeMatrices } from "../vocabulary/index.js";
import { madeBy, uniform } from "./patterns.js";
import type { Rule } from "./rewrite.js";

/** Rewrites of what steps of training have in common. They round differently. */

const isZero = (value: Value): boolean => uniform(madeBy("Expand", value)?.inputs[0] ?? value) === 0;

/** The operands of a sum of updates at positions of a tensor of zeros. */
function scattered(value: Value | undefined) {
  const node = value && madeBy("ScatterElements", value);
  const [zeros, indices, updates] = node?.inputs ?? [];
  if (!node || !zeros || !indices || !updates || node.attributes.reduction !== "add" || !isZero(zeros))
    return undefined;
  return { zeros, indices, updates, axis: node.attributes.axis as number };
}

/**
 * The gradient of an embedding is zero but for a few rows. A factor multiplies the rows alone, and what a tensor is moved by
 * is added to it row by row: no tensor of the gradient's size is made.
 */
export const scatterUpdates: Rule = ({ op, outputs: [y] }, [a, b]) => {
  if (!a || !b || !y) return undefined;
  if (op === "Mul") {
    const [rows, factor] = scattered(a) ? [scattered(a), b] : [scattered(b), a];
    if (!rows || factor.shape.length > 0) return undefined;
    return [scatterElements(rows.zeros, rows.indices, mul(rows.updates, factor), rows.axis, "add")];
  }
  if (op !== "Sub" && op !== "Add") return undefined;
  const rows = scattered(b);
  if (!rows || !sameShape(a.shape, y.shape) || isZero(a)) return undefined;
  const updates = op === "Sub" ? neg(rows.updates) : rows.updates;
  return [scatterElements(a, rows.indices, updates, rows.axis, "add")];
};

/**
 * Σⱼ (A Vᵀ)ᵢⱼ Pᵢⱼ is Σₖ Aᵢₖ (P V)ᵢₖ. In the gradient of attention with probabilities P, P V is its result, which is there
 * already, and has fewer columns (as in FlashAttention: Dao et al. 2022, appendix B.2).
 */
export const sumAttention: Rule = ({ op, attributes, outputs: [y] }, [x]) => {
  if (op !== "ReduceSum" || !x || !y || attributes.keepdims !== 1) return undefined;
  const last = x.shape.length - 1;
  const [a, b] = madeBy("Mul", x)?.inputs ?? [];
  if (!a || !b || String(attributes.axes) !== String([last])) return undefined;
  const [product, p] = madeBy("Softmax", b) ? [a, b] : [b, a];
  const [left, right] = madeBy("MatMul", product)?.inputs ?? [];
  if (!left || !right || !madeBy("Softmax", p) || !madeBy("Transpose", right)) return undefined;
  const isWhole =
    sameShape(product.shape, p.shape) && sizeOf(right.shape.slice(0, -2)) === sizeOf(p.shape.slice(0, -2));
  const isNarrow = (left.shape.at(-1) as number) < (p.shape.at(-1) as number);
  if (!isWhole || !isNarrow || left.shape.length !== p.shape.length) return undefined;
  return [reduceSum(mul(left, matMul(p, transposeMatrices(right))), { axes: [last], keepdims: true })];
};
