import { GraphError } from "../error.js";
import type { OpDefinition } from "../op.js";
import { allocate, type TensorType } from "../tensor.js";
import { concat, expand, scalar, split } from "../vocabulary/index.js";
import { copyInto, offsetAlong, sliceTensor, withSize } from "./blocks.js";
import { expectInputs, numberAttribute, numbersAttribute, readAxis } from "./support.js";

/** Concatenates tensors along an axis. */
export const Concat: OpDefinition = {
  name: "Concat",
  infer: (inputs, attributes) => {
    const [first, ...others] = inputs;
    if (!first) throw new GraphError("takes 1 input or more");
    const axis = readAxis(attributes, first.shape);
    const fits = others.every(
      ({ dtype, shape }) =>
        dtype === first.dtype && String(withSize(shape, axis, 0)) === String(withSize(first.shape, axis, 0)),
    );
    if (!fits) throw new GraphError(`inputs must agree in dtype and in all axes but ${axis}`);
    const size = inputs.reduce((sum, { shape }) => sum + (shape[axis] as number), 0);
    return [{ dtype: first.dtype, shape: withSize(first.shape, axis, size) }];
  },
  evaluate: (inputs, attributes, [type]) => {
    if (!type) return [];
    const axis = numberAttribute(attributes, "axis");
    const data = allocate(type);
    let offset = 0;
    for (const input of inputs) {
      copyInto(input, { data, shape: type.shape }, offsetAlong(type.shape, axis, offset));
      offset += input.shape[axis] as number;
    }
    return [{ dtype: type.dtype, shape: type.shape, data }];
  },
  gradient: ({ inputs, attributes, upstream: [upstream] }) => {
    if (!upstream) return [];
    const axis = numberAttribute(attributes, "axis");
    if (inputs.length === 1) return [upstream];
    const sizes = inputs.map(({ shape }) => shape[axis] as number);
    return split(upstream, sizes, axis);
  },
};

/** ONNX `Split` into pieces of given sizes. */
export const Split: OpDefinition = {
  name: "Split",
  infer: (inputs, attributes) => {
    const [x] = expectInputs(inputs, 1);
    const axis = readAxis(attributes, x.shape);
    const sizes = numbersAttribute(attributes, "sizes");
    if (sizes.reduce((sum, size) => sum + size, 0) !== x.shape[axis]) {
      throw new GraphError(`sizes [${sizes}] do not sum to ${x.shape[axis]}`);
    }
    return sizes.map((size) => ({ dtype: x.dtype, shape: withSize(x.shape, axis, size) }));
  },
  evaluate: ([x], attributes, types) => {
    if (!x) return [];
    const axis = numberAttribute(attributes, "axis");
    let start = 0;
    return types.map((type) => {
      const piece = sliceTensor(x, type, axis, start, 1);
      start += type.shape[axis] as number;
      return piece;
    });
  },
  gradient: ({ outputs, attributes, upstream }) => {
    const pieces = upstream.map((piece, position) => piece ?? zerosLike(outputs[position] as TensorType));
    return [concat(pieces, numberAttribute(attributes, "axis"))];
  },
};

const zerosLike = ({ dtype, shape }: TensorType) => expand(scalar(0, dtype), shape);
