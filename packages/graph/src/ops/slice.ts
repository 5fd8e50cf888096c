import { GraphError } from "../error.js";
import type { Attributes, Value } from "../graph.js";
import type { OpDefinition } from "../op.js";
import { allocate, type Shape, sizeOf, write } from "../tensor.js";
import { pad, reshape, slice } from "../vocabulary/index.js";
import { copyInto, offsetAlong, sliceTensor, withSize } from "./blocks.js";
import { expectInputs, numberAttribute, numbersAttribute, readAxis } from "./support.js";

interface Range {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

function readRange(attributes: Attributes, shape: Shape): Range {
  const [start, end, step] = ["start", "end", "step"].map((name) => numberAttribute(attributes, name));
  const axis = readAxis(attributes, shape);
  const [from = 0, to = 0, by = 1] = [start, end, step];
  if (from < 0 || to < from || to > (shape[axis] as number) || by < 1) {
    throw new GraphError(`range ${from}:${to}:${by} is outside axis ${axis} of shape [${shape}]`);
  }
  return { axis, start: from, end: to, step: by };
}

/** ONNX `Slice` along one axis, within bounds and forwards. */
export const Slice: OpDefinition = {
  name: "Slice",
  infer: (inputs, attributes) => {
    const [x] = expectInputs(inputs, 1);
    const { axis, start, end, step } = readRange(attributes, x.shape);
    return [{ dtype: x.dtype, shape: withSize(x.shape, axis, Math.ceil((end - start) / step)) }];
  },
  evaluate: ([x], attributes, [type]) => {
    if (!x || !type) return [];
    const { axis, start, step } = readRange(attributes, x.shape);
    return [sliceTensor(x, type, axis, start, step)];
  },
  gradient: ({ inputs: [x], outputs: [y], attributes, upstream: [upstream] }) => {
    if (!x || !y || !upstream) return [];
    const { axis, start, step } = readRange(attributes, x.shape);
    const size = y.shape[axis] as number;
    const spread = step === 1 ? upstream : spreadOut(upstream, axis, step);
    const length = size === 0 ? 0 : (size - 1) * step + 1;
    const after = (x.shape[axis] as number) - start - length;
    const trimmed = step === 1 ? spread : slice(spread, axis, 0, length);
    return [pad(trimmed, padsAlong(x.shape, axis, start, after))];
  },
};

/** Puts `step − 1` zeros after each element along an axis. */
export function spreadOut(x: Value, axis: number, step: number): Value {
  const { shape } = x;
  const size = shape[axis] as number;
  const apart = reshape(x, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]);
  const padded = pad(apart, padsAlong(apart.shape, axis + 1, 0, step - 1));
  return reshape(padded, withSize(shape, axis, size * step));
}

const padsAlong = (shape: Shape, axis: number, before: number, after: number): number[] => [
  ...offsetAlong(shape, axis, before),
  ...offsetAlong(shape, axis, after),
];

/** ONNX `Pad` in constant mode, by 0 or more elements. */
export const Pad: OpDefinition = {
  name: "Pad",
  infer: (inputs, attributes) => {
    const [x] = expectInputs(inputs, 1);
    const pads = numbersAttribute(attributes, "pads");
    const rank = x.shape.length;
    if (pads.length !== 2 * rank || pads.some((count) => count < 0)) {
      throw new GraphError(`pads must be ${2 * rank} numbers of 0 or more, got [${pads}]`);
    }
    const shape = x.shape.map((dim, axis) => dim + (pads[axis] as number) + (pads[rank + axis] as number));
    return [{ dtype: x.dtype, shape }];
  },
  evaluate: ([x], attributes, [type]) => {
    if (!x || !type) return [];
    const data = allocate(type);
    const value = numberAttribute(attributes, "value");
    for (let index = 0; index < sizeOf(type.shape); index++) write(data, index, value);
    copyInto(x, { data, shape: type.shape }, numbersAttribute(attributes, "pads"));
    return [{ dtype: type.dtype, shape: type.shape, data }];
  },
  gradient: ({ inputs: [x], attributes, upstream: [upstream] }) => {
    if (!x || !upstream) return [];
    const pads = numbersAttribute(attributes, "pads");
    const inside = x.shape.reduce(
      (value, dim, axis) => slice(value, axis, pads[axis] as number, (pads[axis] as number) + dim),
      upstream,
    );
    return [inside];
  },
};
