import { broadcastShapes, stridesOf } from "../broadcast.js";
import { type Attributes, GraphError } from "../graph.js";
import type { OpDefinition } from "../op.js";
import { type DType, read, type Shape, sameShape, sizeOf } from "../tensor.js";
import { cast, reshape, sumTo, transpose } from "../vocabulary/index.js";
import {
  broadcastReader,
  expectInputs,
  generate,
  numberAttribute,
  numbersAttribute,
  stringAttribute,
} from "./support.js";

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

/** The axes in another order. */
export const Transpose: OpDefinition = {
  name: "Transpose",
  infer: (inputs, attributes) => {
    const [x] = expectInputs(inputs, 1);
    const perm = numbersAttribute(attributes, "perm");
    if (String([...perm].sort((a, b) => a - b)) !== String([...x.shape.keys()])) {
      throw new GraphError(`[${perm}] is not an order of the axes of [${x.shape}]`);
    }
    return [{ dtype: x.dtype, shape: perm.map((axis) => x.shape[axis] as number) }];
  },
  evaluate: ([x], attributes, [type]) => {
    if (!x || !type) return [];
    const from = stridesOf(x.shape);
    const strides = numbersAttribute(attributes, "perm").map((axis) => from[axis] as number);
    const to = stridesOf(type.shape);
    return [
      generate(type, (flat) =>
        read(
          x.data,
          to.reduce((index, stride, axis) => {
            const along = Math.floor(flat / stride) % (type.shape[axis] as number);
            return index + along * (strides[axis] as number);
          }, 0),
        ),
      ),
    ];
  },
  gradient: ({ attributes, upstream: [upstream] }) => {
    const perm = numbersAttribute(attributes, "perm");
    return upstream
      ? [
          transpose(
            upstream,
            [...perm.keys()].map((axis) => perm.indexOf(axis)),
          ),
        ]
      : [];
  },
};

/** An operator that gives the same elements another shape. */
const reshaping = (name: string, shapeOf: (shape: Shape, attributes: Attributes) => Shape): OpDefinition => ({
  name,
  infer: (inputs, attributes) => {
    const [x] = expectInputs(inputs, 1);
    return [{ dtype: x.dtype, shape: shapeOf(x.shape, attributes) }];
  },
  evaluate: ([x], _, [type]) => (x && type ? [{ ...x, shape: type.shape }] : []),
  gradient: ({ inputs: [x], upstream: [upstream] }) => (x && upstream ? [reshape(upstream, x.shape)] : []),
});

export const Squeeze = reshaping("Squeeze", (shape, attributes) => {
  const axes = numbersAttribute(attributes, "axes");
  const wrong = axes.find((axis) => shape[axis] !== 1);
  if (wrong !== undefined) throw new GraphError(`axis ${wrong} of [${shape}] is not of size 1`);
  return shape.filter((_, axis) => !axes.includes(axis));
});

export const Unsqueeze = reshaping("Unsqueeze", (shape, attributes) => {
  const axes = numbersAttribute(attributes, "axes");
  const rank = shape.length + axes.length;
  if (new Set(axes).size !== axes.length || axes.some((axis) => axis < 0 || axis >= rank)) {
    throw new GraphError(`axes [${axes}] are not distinct axes of a result of rank ${rank}`);
  }
  const sizes = [...shape];
  return Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : (sizes.shift() as number)));
});

export const Flatten = reshaping("Flatten", (shape, attributes) => {
  const axis = numberAttribute(attributes, "axis");
  if (axis < 0 || axis > shape.length) throw new GraphError(`axis ${axis} is outside shape [${shape}]`);
  return [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis))];
});

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
