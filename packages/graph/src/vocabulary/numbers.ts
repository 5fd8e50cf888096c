import { constant, type Value } from "../graph.js";
import { type DType, type Shape, tensor } from "../tensor.js";

/** A number as ONNX stores it in an attribute: in float32, whatever the dtype of the tensors. */
export const stored = Math.fround;

/** A scalar constant. */
export const scalar = (value: number, dtype: DType): Value => constant(tensor(dtype, [], [value]));

/** Constant int64 positions. */
export const indices = (shape: Shape, values: Iterable<number>): Value =>
  constant(tensor("int64", shape, values));
