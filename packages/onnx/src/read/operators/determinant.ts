import { add, expand, mul, reshape, scalar, slice, sub, type Value } from "@softmax-bench/graph";
import type { OnnxNode } from "../node.js";
import type { Reader, Readers } from "./reader.js";

/** The most rows of a determinant: the number of its products doubles with each. */
const MOST_ROWS = 8;

/** Laplace's expansion along rows, of all square matrices on the last two axes. */
const determinant: Reader = (node) => {
  const x = node.input(0);
  const [rows = 0, columns = -1] = x.shape.slice(-2);
  if (rows !== columns) node.fail(`takes square matrices, got [${x.shape}]`);
  if (rows > MOST_ROWS)
    node.fail(`determinants of more than ${MOST_ROWS} rows are not supported, got ${rows}`);
  const batch = x.shape.slice(0, -2);
  const axis = batch.length;
  const element = (row: number, column: number) =>
    reshape(slice(slice(x, axis, row, row + 1), axis + 1, column, column + 1), batch);
  return expansion(node, rows, element) ?? expand(scalar(1, x.dtype), batch);
};

/** Minors of the last rows, by the set of their columns, as bits; each made once. */
function expansion(
  node: OnnxNode,
  rows: number,
  element: (row: number, column: number) => Value,
): Value | undefined {
  const minors = new Map<number, Value | undefined>([[0, undefined]]);
  const minor = (row: number, set: number): Value | undefined => {
    if (minors.has(set)) return minors.get(set);
    let sum: Value | undefined;
    let isNegative = false;
    for (let column = 0; column < rows; column++) {
      if ((set & (1 << column)) === 0) continue;
      const rest = minor(row + 1, set & ~(1 << column));
      const product = rest ? mul(element(row, column), rest) : element(row, column);
      sum = sum ? (isNegative ? sub(sum, product) : add(sum, product)) : product;
      isNegative = !isNegative;
    }
    minors.set(set, sum);
    return sum;
  };
  return node.run(() => minor(0, 2 ** rows - 1));
}

export const DETERMINANTS: Readers = { Det: determinant };
