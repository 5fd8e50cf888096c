import { broadcastShapes, rowMajorStrides } from "../broadcast.js";
import { GraphError } from "../error.js";
import type { Attributes } from "../graph.js";
import type { OpDefinition } from "../op.js";
import {
  checkRank,
  type DType,
  type Element,
  elementAt,
  isFloat,
  isInteger,
  type Shape,
  sameShape,
  sizeOf,
  type TensorType,
} from "../tensor.js";
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
    const from = rowMajorStrides(x.shape);
    const strides = numbersAttribute(attributes, "perm").map((axis) => from[axis] as number);
    const to = rowMajorStrides(type.shape);
    return [
      generate(type, (flat) =>
        elementAt(
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

/** An operator that returns the same elements in another shape. */
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
  checkRank(rank);
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

/**
 * Converts an element: true unless it is 0 for `bool`, truncated towards 0 from a fraction to an integer, wrapped
 * around from int64 to int32, and rounded once to a floating-point type.
 */
function converted(value: Element, to: TensorType): Element {
  if (to.dtype === "bool") return Number(value !== 0 && value !== 0n);
  if (isInteger(to)) return typeof value === "bigint" ? value : Math.trunc(value);
  return to.dtype !== "float64" && typeof value === "bigint" ? lessPreciseFrom(value) : value;
}

/**
 * Rounds an int64 so that rounding to float32 or half precision later is rounding once. Beyond 2^53, a double would
 * round first: its last bits are cut off instead, and a 1 in the lowest remaining place records that they were not all 0.
 */
function lessPreciseFrom(value: bigint): number {
  if (BigInt.asIntN(54, value) === value) return Number(value);
  const kept = (value >> 11n) << 11n;
  return Number(kept === value ? kept : kept | (1n << 11n));
}

/** Converts between element types; gradients flow between floating-point types only. */
export const Cast: OpDefinition = {
  name: "Cast",
  infer: (inputs, attributes) => {
    const [x] = expectInputs(inputs, 1);
    return [{ dtype: stringAttribute(attributes, "to") as DType, shape: x.shape }];
  },
  evaluate: ([x], _, [type]) =>
    x && type ? [generate(type, (index) => converted(elementAt(x.data, index), type))] : [],
  gradient: ({ inputs: [x], upstream: [upstream] }) =>
    x && isFloat(x) && upstream ? [cast(upstream, x.dtype)] : [undefined],
};
