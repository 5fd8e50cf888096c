import { broadcastShapes } from "../broadcast.js";
import { GraphError } from "../graph.js";
import type { OpDefinition } from "../op.js";
import { type DType, read, sameShape, sizeOf } from "../tensor.js";
import { cast, reshape, sumTo } from "../vocabulary.js";
import { broadcastReader, expectInputs, generate, numbersAttribute, stringAttribute } from "./support.js";

/** The same elements, in row-major order, under another shape. */
export const Reshape: OpDefinition = {
  name: "Reshape",
  infer: (inputs, attributes) => {
    const [x] = expectInputs(inputs, 1);
    const shape = numbersAttribute(attributes, "shape");
    if (sizeOf(shape) !== sizeOf(x.shape)) throw new GraphError(`cannot be reshaped to [${shape}]`);
    return [{ dtype: x.dtype, shape }];
  },
  evaluate: ([x], attributes) => (x ? [{ ...x, shape: numbersAttribute(attributes, "shape") }] : []),
  gradient: ({ inputs: [x], upstream: [upstream] }) => (x && upstream ? [reshape(upstream, x.shape)] : []),
};

/** Broadcasts to a shape that already includes the operand's dimensions. */
export const Expand: OpDefinition = {
  name: "Expand",
  infer: (inputs, attributes) => {
    const [x] = expectInputs(inputs, 1);
    const shape = numbersAttribute(attributes, "shape");
    if (!sameShape(broadcastShapes(x.shape, shape), shape)) {
      throw new GraphError(`cannot be expanded to [${shape}]`);
    }
    return [{ dtype: x.dtype, shape }];
  },
  evaluate: ([x], _, [type]) => (x && type ? [generate(type, broadcastReader(x, type.shape))] : []),
  gradient: ({ inputs: [x], upstream: [upstream] }) => (x && upstream ? [sumTo(upstream, x.shape)] : []),
};

/** Converts between element types; gradients flow between floating-point types only. */
export const Cast: OpDefinition = {
  name: "Cast",
  infer: (inputs, attributes) => {
    const [x] = expectInputs(inputs, 1);
    return [{ dtype: stringAttribute(attributes, "to") as DType, shape: x.shape }];
  },
  evaluate: ([x], _, [type]) => (x && type ? [generate(type, (index) => read(x.data, index))] : []),
  gradient: ({ inputs: [x], upstream: [upstream] }) =>
    x?.dtype.startsWith("float") && upstream ? [cast(upstream, x.dtype)] : [undefined],
};
