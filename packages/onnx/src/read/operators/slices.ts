import {
  concat,
  indices as constantIndices,
  gather,
  pad,
  slice,
  split,
  type Value,
} from "@softmax-bench/graph";
import { axisFrom, type Reader, type Readers } from "./reader.js";

const readSplit: Reader = (node) => {
  const x = node.input(0);
  const axis = axisFrom(node, node.int("axis", 0), x.shape.length);
  const size = x.shape[axis] as number;
  const pieces = node.int("num_outputs", node.outputs.length);
  if (pieces !== node.outputs.length) {
    node.fail(`num_outputs ${pieces} is not the number of its outputs, ${node.outputs.length}`);
  }
  const each = Math.ceil(size / pieces);
  const equal = node.outputs.map((_, at) => Math.min(each, size - at * each));
  return split(x, node.numbers(1) ?? equal, axis);
};

const readSlice: Reader = (node) => {
  const x = node.input(0);
  const [starts, ends] = [node.numbers(1) ?? [], node.numbers(2) ?? []];
  const axes = node.numbers(3) ?? [...starts.keys()];
  const steps = node.numbers(4) ?? starts.map(() => 1);
  if ([ends, axes, steps].some(({ length }) => length !== starts.length)) {
    node.fail(
      `starts [${starts}], ends [${ends}], axes [${axes}] and steps [${steps}] must be of one length`,
    );
  }
  if (steps.includes(0)) node.fail("a step must not be 0");
  return axes.reduce((value, given, at) => {
    const axis = axisFrom(node, given, x.shape.length);
    return sliced(value, axis, starts[at] as number, ends[at] as number, steps[at] as number);
  }, x);
};

/** NumPy's x[start:end:step] along an axis, but a start before it is its first element for a negative step, too. */
function sliced(x: Value, axis: number, start: number, end: number, step: number): Value {
  const size = x.shape[axis] as number;
  const [lowest, highest] = step > 0 ? [0, size] : [-1, size - 1];
  const within = (at: number, least: number) => Math.min(Math.max(at < 0 ? at + size : at, least), highest);
  const [from, to] = [within(start, 0), within(end, lowest)];
  // A step beyond the axis takes one element, whatever its length.
  if (step > 0) return slice(x, axis, from, Math.max(from, to), Math.min(step, Math.max(size, 1)));
  const count = Math.max(Math.ceil((to - from) / step), 0);
  return gather(x, constantIndices([count], positions(from, count, step)), axis);
}

function* positions(from: number, count: number, step: number): Generator<number> {
  for (let at = 0; at < count; at++) yield from + at * step;
}

/** The element of an axis that replaces a position outside it. */
type Padding = (position: number, size: number) => number;

/** Paddings by `mode`. */
const PADDING: ReadonlyMap<string, Padding> = new Map(
  Object.entries<Padding>({
    edge: (position, size) => Math.min(Math.max(position, 0), size - 1),
    wrap: modulo,
    reflect: (position, size) => {
      const period = Math.max(2 * (size - 1), 1);
      const within = modulo(position, period);
      return Math.min(within, period - within);
    },
  }),
);

function modulo(position: number, size: number): number {
  return ((position % size) + size) % size;
}

function* sources(source: Padding, from: number, count: number, size: number): Generator<number> {
  for (const position of positions(from, count, 1)) yield source(position, size);
}

/** Pads; negative counts remove elements. */
function padded(x: Value, counts: readonly number[], value: number): Value {
  const inside = x.shape.reduce((of, size, axis) => {
    const [before, after] = [counts[axis] as number, counts[axis + x.shape.length] as number];
    const [start, end] = [Math.max(-before, 0), size - Math.max(-after, 0)];
    return start === 0 && end === size ? of : slice(of, axis, start, Math.max(start, end));
  }, x);
  return pad(
    inside,
    counts.map((count) => Math.max(count, 0)),
    value,
  );
}

const readPad: Reader = (node) => {
  const x = node.input(0);
  const mode = node.string("mode", "constant");
  const given = node.numbers(1) ?? [];
  const value = node.number(2) ?? 0;
  const axes = (node.numbers(3) ?? [...x.shape.keys()]).map((axis) => axisFrom(node, axis, x.shape.length));
  const counts = x.shape.flatMap(() => [0, 0]);
  for (const [at, axis] of axes.entries()) {
    counts[axis] = given[at] as number;
    counts[axis + x.shape.length] = given[at + axes.length] as number;
  }
  if (mode === "constant") return padded(x, counts, value);
  const source = PADDING.get(mode) ?? node.fail(`mode ${mode} is not known`);
  return x.shape.reduce((of, size, axis) => {
    const [before, after] = [counts[axis] as number, counts[axis + x.shape.length] as number];
    if (before === 0 && after === 0) return of;
    const count = before + size + after;
    return gather(of, constantIndices([count], sources(source, -before, count, size)), axis);
  }, x);
};

/** Cuts or adds zeros on both sides of some axes; of an odd number of elements, one more at the end. */
const centerCropPad: Reader = (node) => {
  const x = node.input(0);
  const given = node.numbers(1) ?? node.fail("lacks a shape");
  const axes = node.ints("axes")?.map((axis) => axisFrom(node, axis, x.shape.length)) ?? [...x.shape.keys()];
  if (given.length !== axes.length) node.fail(`a shape [${given}] does not fit ${axes.length} axes`);
  const counts = x.shape.flatMap(() => [0, 0]);
  for (const [at, axis] of axes.entries()) {
    const more = (given[at] as number) - (x.shape[axis] as number);
    const before = Math.trunc(more / 2);
    counts[axis] = before;
    counts[axis + x.shape.length] = more - before;
  }
  return padded(x, counts, 0);
};

export const SLICES: Readers = {
  Concat: (node) => {
    const parts = Array.from({ length: node.inputCount }, (_, position) => node.input(position));
    return concat(parts, axisFrom(node, node.int("axis", 0), parts[0]?.shape.length ?? 0));
  },
  Split: readSplit,
  Slice: readSlice,
  Pad: readPad,
  CenterCropPad: centerCropPad,
};
