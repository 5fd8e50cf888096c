import { abs, and, equal, greater, less, not, or, scalar, type Value } from "@softmax-bench/graph";
import { binary, type Reader, type Readers, unary } from "./reader.js";

/** NaN is equal to nothing. */
const isNaNumber = (x: Value): Value => not(equal(x, x));

const isInfinite: Reader = (node) => {
  const x = node.input(0);
  const [negative, positive] = [node.flag("detect_negative", true), node.flag("detect_positive", true)];
  const infinity = (sign: number) => scalar(sign * Number.POSITIVE_INFINITY, x.dtype);
  if (negative && positive) return equal(abs(x), infinity(1));
  if (negative || positive) return equal(x, infinity(positive ? 1 : -1));
  return less(x, x);
};

export const LOGIC: Readers = {
  And: binary(and),
  Equal: binary(equal),
  Greater: binary(greater),
  GreaterOrEqual: binary((a, b) => or(greater(a, b), equal(a, b))),
  IsInf: isInfinite,
  IsNaN: unary(isNaNumber),
  Less: binary(less),
  LessOrEqual: binary((a, b) => or(less(a, b), equal(a, b))),
  Not: unary(not),
  Or: binary(or),
  Xor: binary((a, b) => not(equal(a, b))),
};
