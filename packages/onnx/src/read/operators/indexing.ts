import {
  add,
  and,
  cast,
  constant,
  indices as constantIndices,
  constantTensor,
  type Element,
  elementsOf,
  expand,
  gather,
  gatherElements,
  greater,
  isFloat,
  less,
  max,
  min,
  mod,
  mul,
  oneHot,
  range,
  reshape,
  type Shape,
  sameShape,
  scalar,
  scatterElements,
  sizeOf,
  tensor,
  transpose,
  type Value,
  where,
} from "@softmax-bench/graph";
import type { OnnxNode } from "../node.js";
import { axisFrom, type Reader, type Readers } from "./reader.js";

/** Positions from −size to −1 count from the end. Others outside stay outside, for any convention of a runtime. */
function countedFromStart(indices: Value, size: number): Value {
  const { node, dtype, shape } = indices;
  if (node.op === "Constant") {
    const counted = elementsOf(constantTensor(node)).map((index) => fromStart(index, size));
    return constant(tensor(dtype, shape, counted));
  }
  const fromEnd = where(less(indices, scalar(-size, dtype)), indices, add(indices, scalar(size, dtype)));
  return where(less(indices, scalar(0, dtype)), fromEnd, indices);
}

function fromStart(index: Element, size: number): Element {
  if (index >= 0 || index < -size) return index;
  return typeof index === "bigint" ? index + BigInt(size) : index + size;
}

const readGather: Reader = (node) => {
  const x = node.input(0);
  const axis = axisFrom(node, node.int("axis", 0), x.shape.length);
  return gather(x, countedFromStart(node.input(1), x.shape[axis] as number), axis);
};

const readGatherElements: Reader = (node) => {
  const x = node.input(0);
  const axis = axisFrom(node, node.int("axis", 0), x.shape.length);
  return gatherElements(x, countedFromStart(node.input(1), x.shape[axis] as number), axis);
};

/** Reductions without a kernel in the operator set of written models, or without a gradient of their own. */
const COMBINED: ReadonlyMap<string, (a: Value, b: Value) => Value> = new Map([
  ["mul", mul],
  ["max", max],
  ["min", min],
]);

const readScatterElements: Reader = (node) => {
  const [x, updates] = [node.input(0), node.input(2)];
  const axis = axisFrom(node, node.int("axis", 0), x.shape.length);
  const combine = node.string("reduction", "none");
  if (combine === "none" || combine === "add") {
    const places = countedFromStart(node.input(1), x.shape[axis] as number);
    return scatterElements(x, places, updates, axis, combine);
  }
  const given = node.constant(1);
  const indices = elementsOf(given).map((index) => Number(fromStart(index, x.shape[axis] as number)));
  const inside = indices.every((index) => index >= 0 && index < (x.shape[axis] as number));
  if (given.shape.length !== x.shape.length || !inside || !sameShape(given.shape, updates.shape))
    return node.fail(`positions [${given.shape}] and updates [${updates.shape}] do not fit [${x.shape}]`);
  const [steps, lengths] = [stridesOf(given.shape), stridesOf(x.shape)];
  const places = indices.map((index, at) =>
    lengths.reduce((sum, length, on) => {
      const along =
        on === axis ? index : Math.floor(at / (steps[on] as number)) % (given.shape[on] as number);
      return sum + along * length;
    }, 0),
  );
  return combinedAt(node, x, places, updates);
};

/** The distance of neighbours along each axis, in elements. */
const stridesOf = (shape: Shape): number[] => shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));

/**
 * Combines elements of x with updates at known places, one update of a place after the other.
 * @param places the place of each update in the flat x
 */
function combinedAt(node: OnnxNode, x: Value, places: readonly number[], updates: Value): Value {
  const name = node.string("reduction", "none");
  const combine = COMBINED.get(name) ?? node.fail(`reduction ${name} is not known`);
  if (sizeOf(updates.shape) !== places.length)
    node.fail(`${places.length} places do not fit updates [${updates.shape}]`);
  const counts = new Map<number, number>();
  const rounds: number[][] = [];
  for (const [update, place] of places.entries()) {
    const round = counts.get(place) ?? 0;
    counts.set(place, round + 1);
    rounds[round] ??= [];
    rounds[round].push(update);
  }
  const flat = (value: Value) => reshape(value, [sizeOf(value.shape)]);
  const all = flat(updates);
  const combined = rounds.reduce((y, of) => {
    const at = constantIndices(
      [of.length],
      of.map((update) => places[update] as number),
    );
    const next = combine(gather(y, at, 0), gather(all, constantIndices([of.length], of), 0));
    return scatterElements(y, at, next, 0, "none");
  }, flat(x));
  return reshape(combined, x.shape);
}

/** Slices addressed by tuples of positions on the axes after the first `batch`, of x with these axes merged. */
interface Tuples {
  /** x `[…batch, positions, …slice]`, with its batch axes merged into the positions. */
  readonly rows: Value;
  /** The row of each tuple, in a vector; if any position is outside its axis, so is the row. */
  readonly row: Value;
  /** The shape of a row's slice. */
  readonly slice: readonly number[];
}

function buildTuples(x: Value, given: Value, batch: number): Tuples {
  const depth = given.shape.at(-1) as number;
  const indexed = x.shape.slice(batch, batch + depth);
  const slice = x.shape.slice(batch + depth);
  const outer = given.shape.slice(0, -1);
  const count = sizeOf(outer);
  const number = (value: number) => scalar(value, given.dtype);
  const size = sizeOf(indexed);
  const images = sizeOf(x.shape.slice(0, batch));
  let row: Value = expand(number(0), [count]);
  let isInside: Value | undefined;
  for (const [axis, length] of indexed.entries()) {
    const position = countedFromStart(
      reshape(gather(given, constant(tensor("int64", [1], [axis])), given.shape.length - 1), [count]),
      length,
    );
    const inside = and(greater(position, number(-1)), less(position, number(length)));
    isInside = isInside ? and(isInside, inside) : inside;
    row = add(row, mul(position, number(sizeOf(indexed.slice(axis + 1)))));
  }
  if (batch > 0) row = add(row, imageOffsets(outer, batch, size, given.dtype));
  if (isInside) row = where(isInside, row, number(images * size));
  return { rows: reshape(x, [images * size, ...slice]), row, slice };
}

/** The start of the rows of each tuple's image. */
function imageOffsets(outer: readonly number[], batch: number, size: number, dtype: Value["dtype"]): Value {
  const images = sizeOf(outer.slice(0, batch));
  const starts = reshape(mul(range(0, images, 1, dtype), scalar(size, dtype)), [images, 1]);
  return reshape(expand(starts, [images, sizeOf(outer) / Math.max(images, 1)]), [sizeOf(outer)]);
}

const readGatherND: Reader = (node) => {
  const [x, given] = [node.input(0), node.input(1)];
  const batch = node.int("batch_dims", 0);
  checkTuples(node, x, given, batch);
  const { rows, row, slice } = buildTuples(x, given, batch);
  return reshape(gather(rows, row, 0), [...given.shape.slice(0, -1), ...slice]);
};

function checkTuples(node: OnnxNode, x: Value, given: Value, batch: number): void {
  const depth = given.shape.at(-1);
  if (depth === undefined || batch + depth > x.shape.length || batch >= given.shape.length) {
    node.fail(`positions [${given.shape}] with ${batch} batch axes do not fit [${x.shape}]`);
  }
}

const readScatterND: Reader = (node) => {
  const [x, given, updates] = [node.input(0), node.input(1), node.input(2)];
  const combine = node.string("reduction", "none");
  checkTuples(node, x, given, 0);
  if (combine !== "none" && combine !== "add") return combinedAt(node, x, placesOf(node, x), updates);
  const { rows, row, slice } = buildTuples(x, given, 0);
  const [count, inner] = [row.shape[0] as number, sizeOf(slice)];
  const places = expand(reshape(row, [count, 1]), [count, inner]);
  const flat = reshape(rows, [rows.shape[0] as number, inner]);
  return reshape(scatterElements(flat, places, reshape(updates, [count, inner]), 0, combine), x.shape);
};

/** The places in the flat x of all elements of the slices that known tuples address. */
function placesOf(node: OnnxNode, { shape }: Value): number[] {
  const tuples = node.constant(1);
  const depth = tuples.shape.at(-1) as number;
  const all = elementsOf(tuples);
  const inner = sizeOf(shape.slice(depth));
  const strides = stridesOf(shape);
  return Array.from({ length: sizeOf(tuples.shape.slice(0, -1)) }, (_, at) =>
    shape.slice(0, depth).reduce((sum, size, axis) => {
      const index = Number(fromStart(all[at * depth + axis] as Element, size));
      if (!(index >= 0 && index < size)) node.fail(`position ${index} is outside axis ${axis} of [${shape}]`);
      return sum + index * (strides[axis] as number);
    }, 0),
  ).flatMap((start) => Array.from({ length: inner }, (_, at) => start + at));
}

/** Off and on values other than 0 and 1 replace those; an axis other than the last moves the rows. */
const readOneHot: Reader = (node) => {
  const given = node.input(0);
  const depth = node.number(1) ?? node.fail("lacks a depth");
  const values = node.constant(2);
  if (values.data.length !== 2) node.fail(`takes an off and an on value, got ${values.data.length} values`);
  const [off, on] = elementsOf(values).map((value) => constant(tensor(values.dtype, [], [value])));
  const whole = isFloat(given) ? cast(given, "int64") : given;
  const rows = oneHot(countedFromStart(whole, depth), depth, isFloat(values) ? values.dtype : "float32");
  const isPlain = isFloat(values) && Object.is(values.data[0], 0) && values.data[1] === 1;
  const chosen = isPlain ? rows : where(cast(rows, "bool"), on as Value, off as Value);
  const rank = rows.shape.length;
  const axis = axisFrom(node, node.int("axis", -1), rank);
  const order = [...rows.shape.keys()].slice(0, -1);
  order.splice(axis, 0, rank - 1);
  return axis === rank - 1 ? chosen : transpose(chosen, order);
};

/** The slices, or of the flat x the elements, whose known condition is true. */
const compress: Reader = (node) => {
  const given = node.input(0);
  const axis = node.hasAttribute("axis")
    ? axisFrom(node, node.int("axis", 0), given.shape.length)
    : undefined;
  const x = axis === undefined ? reshape(given, [sizeOf(given.shape)]) : given;
  const kept = elementsOf(node.constant(1)).flatMap((condition, index) => (Number(condition) ? [index] : []));
  const last = kept.at(-1) ?? -1;
  if (last >= (x.shape[axis ?? 0] as number)) node.fail(`condition #${last} is beyond [${x.shape}]`);
  return gather(x, constant(tensor("int64", [kept.length], kept)), axis ?? 0);
};

/** Writes an update into a cache, from each row's own position along an axis. */
const tensorScatter: Reader = (node) => {
  const [cache, update] = [node.input(0), node.input(1)];
  const axis = axisFrom(node, node.int("axis", -2), cache.shape.length);
  const mode = node.string("mode", "linear");
  if (mode !== "linear" && mode !== "circular") node.fail(`mode ${mode} is not known`);
  const [size, length] = [cache.shape[axis] as number, update.shape[axis] as number];
  const along = (value: Value, on: number, count: number) =>
    reshape(
      value,
      cache.shape.map((_, at) => (at === on ? count : 1)),
    );
  const starts = cast(node.optional(2) ?? expand(scalar(0, "int64"), [cache.shape[0] as number]), "int64");
  const places = add(
    along(range(0, length, 1, "int64"), axis, length),
    along(starts, 0, starts.shape[0] as number),
  );
  const inside = mode === "circular" ? mod(places, scalar(size, "int64")) : places;
  return scatterElements(cache, expand(inside, update.shape), update, axis, "none");
};

export const INDEXING: Readers = {
  Gather: readGather,
  GatherElements: readGatherElements,
  ScatterElements: readScatterElements,
  GatherND: readGatherND,
  ScatterND: readScatterND,
  OneHot: readOneHot,
  Compress: compress,
  TensorScatter: tensorScatter,
};
