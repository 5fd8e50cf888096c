import {
  abs,
  add,
  and,
  cast,
  clip,
  expand,
  floor,
  gather,
  gatherElements,
  greater,
  indices,
  less,
  mod,
  mul,
  reshape,
  round,
  scalar,
  sizeOf,
  sub,
  type Value,
  where,
} from "@softmax-bench/graph";
import type { OnnxNode } from "../node.js";
import type { Reader, Readers } from "./reader.js";

const number = (value: number, { dtype }: Value): Value => scalar(value, dtype);

/** The size of an image along one axis, and the rule for elements outside it. */
interface Padding {
  readonly size: number;
  readonly isAligned: boolean;
  readonly mode: string;
}

/** From −1 … 1 to positions of elements: the centres of the outermost ones are at ±1 if aligned, else their outer edges. */
function toPosition(g: Value, { size, isAligned }: Padding): Value {
  const from = add(g, number(1, g));
  if (isAligned) return mul(from, number((size - 1) / 2, g));
  return sub(mul(from, number(size / 2, g)), number(0.5, g));
}

/** Moves a position into the image; zeros are told apart later. */
function moveInside(position: Value, { size, isAligned, mode }: Padding): Value {
  if (mode === "zeros") return position;
  const moved = mode === "reflection" ? reflected(position, size, isAligned) : position;
  return clip(moved, 0, size - 1);
}

function reflected(position: Value, size: number, isAligned: boolean): Value {
  const [low, length] = isAligned ? [0, size - 1] : [-0.5, size];
  if (length === 0) return mul(position, number(0, position));
  const within = mod(abs(sub(position, number(low, position))), number(2 * length, position));
  const back = sub(number(2 * length, position), within);
  return add(where(greater(within, number(length, position)), back, within), number(low, position));
}

/** An element along one axis that counts for each sample: its position, a whole number, and its weight. */
interface Tap {
  readonly at: Value;
  readonly weight: Value | undefined;
}

/** The cubic of Keys (1981) with a = −3/4 at a distance of up to 1, and of 1 to 2. */
function cubicWeight(distance: Value, isNear: boolean): Value {
  const a = -0.75;
  const [c3, c2, c1, c0] = isNear ? [a + 2, -(a + 3), 0, 1] : [a, -5 * a, 8 * a, -4 * a];
  return [c2, c1, c0].reduce<Value>(
    (sum, factor) => add(mul(sum, distance), number(factor, distance)),
    number(c3, distance),
  );
}

function tapsAlong(g: Value, padding: Padding, method: string, node: OnnxNode): Tap[] {
  const position = toPosition(g, padding);
  if (method === "nearest") return [{ at: round(moveInside(position, padding)), weight: undefined }];
  const one = number(1, g);
  if (method === "linear") {
    const inside = moveInside(position, padding);
    const first = floor(inside);
    const after = sub(inside, first);
    return [
      { at: first, weight: sub(one, after) },
      { at: add(first, one), weight: after },
    ];
  }
  if (method !== "cubic") return node.fail(`mode ${method} is not known`);
  const first = floor(position);
  const after = sub(position, first);
  return [-1, 0, 1, 2].map((step) => {
    const distance = step <= 0 ? sub(after, number(step, g)) : sub(number(step, g), after);
    return {
      at: moveInside(add(first, number(step, g)), padding),
      weight: cubicWeight(distance, step === 0 || step === 1),
    };
  });
}

/** ONNX `GridSample`: X `[N, C, …]` at the places of a grid `[N, …, r]`, whose last axis has the last of the r axes first. */
const gridSample: Reader = (node) => {
  const [x, grid] = [node.input(0), node.input(1)];
  const sizes = x.shape.slice(2);
  const [images = 0, channels = 0] = x.shape;
  const out = grid.shape.slice(1, -1);
  const method = node.string("mode", "linear");
  const mode = node.string("padding_mode", "zeros");
  if (!["zeros", "border", "reflection"].includes(mode)) node.fail(`padding_mode ${mode} is not known`);
  const isAligned = node.flag("align_corners");
  if (grid.shape.length !== x.shape.length || grid.shape.at(-1) !== sizes.length || sizes.length === 0)
    node.fail(`a grid [${grid.shape}] does not fit [${x.shape}]`);
  const count = sizeOf(out);
  const taps = sizes.map((size, axis) => {
    const column = gather(grid, indices([1], [sizes.length - 1 - axis]), grid.shape.length - 1);
    const along = { size, isAligned, mode };
    return tapsAlong(reshape(column, [images, count]), along, method, node);
  });
  const flat = reshape(x, [images, channels, sizeOf(sizes)]);
  const sum = combinations(taps)
    .map((corner) => contribution(flat, corner, sizes, mode === "zeros"))
    .reduce(add);
  return reshape(sum, [images, channels, ...out]);
};

/** One tap of each axis, in every combination. */
const combinations = (taps: readonly (readonly Tap[])[]): Tap[][] =>
  taps.reduce<Tap[][]>((made, along) => made.flatMap((some) => along.map((tap) => [...some, tap])), [[]]);

/** The elements at the taps, times their weights; 0 outside the image. */
function contribution(
  flat: Value,
  corner: readonly Tap[],
  sizes: readonly number[],
  isZeroOutside: boolean,
): Value {
  const [images = 0, channels = 0] = flat.shape;
  let index: Value | undefined;
  let weight: Value | undefined;
  let inside: Value | undefined;
  for (const [axis, { at, weight: own }] of corner.entries()) {
    const size = sizes[axis] as number;
    const isInside = and(greater(at, number(-0.5, at)), less(at, number(size - 0.5, at)));
    inside = inside ? and(inside, isInside) : isInside;
    const position = cast(clip(at, 0, size - 1), "int64");
    index = index ? add(mul(index, scalar(size, "int64")), position) : position;
    if (own) weight = weight ? mul(weight, own) : own;
  }
  const [first] = corner as [Tap];
  const count = first.at.shape[1] as number;
  const zero = number(0, first.at);
  const factor = weight ?? expand(number(1, first.at), first.at.shape);
  const counted = isZeroOutside && inside ? where(inside, factor, zero) : factor;
  const places = expand(reshape(index as Value, [images, 1, count]), [images, channels, count]);
  return mul(gatherElements(flat, places, 2), reshape(cast(counted, flat.dtype), [images, 1, count]));
}

export const GRIDS: Readers = { GridSample: gridSample };
