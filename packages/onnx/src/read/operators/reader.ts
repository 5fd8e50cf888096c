import type { Value } from "@softmax-bench/graph";
import type { OnnxNode } from "../node.js";

/** Reads a node of one ONNX operator: returns its outputs, in order; those at the end may be missing. */
export type Reader = (node: OnnxNode) => Value | readonly (Value | undefined)[];

/** Readers by operator. */
export type Readers = Readonly<Record<string, Reader>>;

export const unary =
  (make: (x: Value) => Value): Reader =>
  (node) =>
    make(node.input(0));

export const binary =
  (make: (a: Value, b: Value) => Value): Reader =>
  (node) =>
    make(node.input(0), node.input(1));

/** Operators that take any number of operands. */
export const variadic =
  (make: (a: Value, b: Value) => Value): Reader =>
  (node) =>
    Array.from({ length: Math.max(node.inputCount, 1) }, (_, position) => node.input(position)).reduce(make);

/** An axis counted from the end if it is negative. */
export function axisFrom(node: OnnxNode, axis: number, rank: number): number {
  const counted = axis < 0 ? axis + rank : axis;
  if (counted < 0 || counted >= rank) node.fail(`axis ${axis} is outside a shape of rank ${rank}`);
  return counted;
}
