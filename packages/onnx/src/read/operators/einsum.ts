import {
  indices as constantIndices,
  gather,
  matMul,
  reduceSum,
  reshape,
  sizeOf,
  squeeze,
  transpose,
  type Value,
} from "@softmax-bench/graph";
import type { OnnxNode } from "../node.js";
import type { Reader, Readers } from "./reader.js";

/** ONNX `Einsum` as a sequence of products of two operands, each a matrix product. */

/** A value with a letter for each of its axes. */
interface Lettered {
  readonly value: Value;
  readonly letters: readonly string[];
}

const ELLIPSIS = "...";

/** The letters of a term; the axes of an ellipsis count from the last one. */
function parseTerm(node: OnnxNode, term: string, rank: number): string[] {
  const [before = "", after, ...others] = term.split(ELLIPSIS);
  if (others.length > 0 || !/^[A-Za-z]*$/.test(before + (after ?? "")))
    node.fail(`term ${term} is not known`);
  if (after === undefined) return [...before];
  const count = Math.max(rank - before.length - after.length, 0);
  return [...before, ...Array.from({ length: count }, (_, at) => `.${count - at}`), ...after];
}

const einsum: Reader = (node) => {
  const equation = node.string("equation", "").replaceAll(" ", "");
  const [left = "", right] = equation.split("->");
  const terms = left.split(",");
  if (terms.length !== node.inputCount)
    node.fail(`${equation} has ${terms.length} terms for ${node.inputCount} inputs`);
  const operands = terms.map((term, position) => {
    const value = node.input(position);
    const letters = parseTerm(node, term, value.shape.length);
    if (letters.length !== value.shape.length) node.fail(`term ${term} does not fit [${value.shape}]`);
    return diagonal({ value, letters });
  });
  const result = resultLetters(node, right, operands);
  const [first, ...others] = operands;
  const joined = others.reduce((product, next, at) => {
    const later = new Set([...result, ...others.slice(at + 1).flatMap(({ letters }) => letters)]);
    return contract(product, next, later);
  }, first as Lettered);
  const { value, letters } = summedTo(joined, new Set(result));
  const missing = result.find((letter) => !letters.includes(letter));
  if (missing) node.fail(`${missing} is on the right of ${equation} only`);
  return transpose(
    value,
    result.map((letter) => letters.indexOf(letter)),
  );
};

/** The given letters or, if there are none, an ellipsis and then all that occur once, in alphabetical order. */
function resultLetters(node: OnnxNode, given: string | undefined, operands: readonly Lettered[]): string[] {
  const all = operands.flatMap(({ letters }) => letters);
  const hidden = [...new Set(all.filter((letter) => letter.startsWith(".")))].sort(
    (a, b) => Number(b.slice(1)) - Number(a.slice(1)),
  );
  if (given === undefined) {
    const once = all.filter(
      (letter) => !letter.startsWith(".") && all.indexOf(letter) === all.lastIndexOf(letter),
    );
    return [...hidden, ...once.sort()];
  }
  const shown = given.replace(ELLIPSIS, "");
  return parseTerm(node, given, shown.length + hidden.length);
}

/** An operand in which no letter occurs twice: axes that share one are replaced by their diagonal. */
function diagonal({ value, letters }: Lettered): Lettered {
  const second = letters.findIndex((letter, at) => letters.indexOf(letter) < at);
  if (second < 0) return { value, letters };
  const first = letters.indexOf(letters[second] as string);
  const others = [...letters.keys()].filter((axis) => axis !== first && axis !== second);
  const size = value.shape[first] as number;
  const outer = others.map((axis) => value.shape[axis] as number);
  const flat = reshape(transpose(value, [...others, first, second]), [...outer, size * size]);
  const places = constantIndices(
    [size],
    Array.from({ length: size }, (_, at) => at * (size + 1)),
  );
  const kept = [...others.map((axis) => letters[axis] as string), letters[first] as string];
  return diagonal({ value: gather(flat, places, outer.length), letters: kept });
}

/** Sums over the axes that are not wanted. */
function summedTo({ value, letters }: Lettered, wanted: ReadonlySet<string>): Lettered {
  const axes = [...letters.keys()].filter((axis) => !wanted.has(letters[axis] as string));
  if (axes.length === 0) return { value, letters };
  return { value: reduceSum(value, { axes }), letters: letters.filter((letter) => wanted.has(letter)) };
}

const sizeIn = ({ value, letters }: Lettered, letter: string): number =>
  value.shape[letters.indexOf(letter)] as number;

/** Removes axes of size 1 that the other operand has at another size: they broadcast. */
function withoutOnes(of: Lettered, other: Lettered): Lettered {
  const axes = [...of.letters.keys()].filter((axis) => {
    const letter = of.letters[axis] as string;
    return of.value.shape[axis] === 1 && other.letters.includes(letter) && sizeIn(other, letter) !== 1;
  });
  if (axes.length === 0) return of;
  return { value: squeeze(of.value, axes), letters: of.letters.filter((_, axis) => !axes.includes(axis)) };
}

/** The product of two operands, summed over the letters that no later operand needs. */
function contract(first: Lettered, second: Lettered, later: ReadonlySet<string>): Lettered {
  const a = withoutOnes(summedTo(first, new Set([...later, ...second.letters])), second);
  const b = withoutOnes(summedTo(second, new Set([...later, ...a.letters])), a);
  const shared = a.letters.filter((letter) => b.letters.includes(letter));
  const batch = shared.filter((letter) => later.has(letter));
  const inner = shared.filter((letter) => !later.has(letter));
  const [rows, columns] = [a, b].map(({ letters }) =>
    letters.filter((letter) => !shared.includes(letter)),
  ) as [string[], string[]];
  const sizes = (of: Lettered, letters: readonly string[]) => letters.map((letter) => sizeIn(of, letter));
  const matrices = (of: Lettered, ...groups: string[][]) =>
    reshape(
      transpose(
        of.value,
        groups.flat().map((letter) => of.letters.indexOf(letter)),
      ),
      groups.map((letters) => sizeOf(sizes(of, letters))),
    );
  const product = matMul(matrices(a, batch, rows, inner), matrices(b, batch, inner, columns));
  return {
    value: reshape(product, [...sizes(a, batch), ...sizes(a, rows), ...sizes(b, columns)]),
    letters: [...batch, ...rows, ...columns],
  };
}

export const EINSUM: Readers = { Einsum: einsum };
