import {
  add,
  constant,
  indices as constantIndices,
  gather,
  mul,
  type Shape,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import type { OnnxNode } from "../node.js";
import { axisFrom, type Reader, type Readers } from "./reader.js";

/** ONNX `Resize`, one axis after another: each element is a weighted sum of elements at known positions. */

interface Axis {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
  readonly scale: number;
  /** The resized region, in shares of the axis. */
  readonly region: readonly [start: number, end: number];
}

/** Maps a position along the result to one along the operand. */
type Coordinates = (at: number, of: Axis) => number;

const halfPixel: Coordinates = (at, { scale }) => (at + 0.5) / scale - 0.5;
const COORDINATES: ReadonlyMap<string, Coordinates> = new Map(
  Object.entries<Coordinates>({
    half_pixel: halfPixel,
    half_pixel_symmetric: (at, { from, to, scale }) => {
      const adjustment = to / (scale * from);
      const centre = from / 2;
      return centre * (1 - adjustment) + (at + 0.5) / scale - 0.5;
    },
    pytorch_half_pixel: (at, of) => (of.to > 1 ? halfPixel(at, of) : 0),
    align_corners: (at, { from, to }) => (to === 1 ? 0 : (at * (from - 1)) / (to - 1)),
    asymmetric: (at, { scale }) => at / scale,
    tf_crop_and_resize: (at, { from, to, region: [start, end] }) =>
      to > 1
        ? start * (from - 1) + (at * (end - start) * (from - 1)) / (to - 1)
        : 0.5 * (start + end) * (from - 1),
  }),
);

const NEAREST: ReadonlyMap<string, (x: number) => number> = new Map(
  Object.entries<(x: number) => number>({
    round_prefer_floor: (x) => Math.ceil(x - 0.5),
    round_prefer_ceil: (x) => Math.floor(x + 0.5),
    floor: Math.floor,
    ceil: Math.ceil,
  }),
);

/** Elements next to a position and their weights, whose sum is 1. */
type Taps = readonly (readonly [position: number, weight: number])[];

/** A kernel of some width around each position, wider for antialiasing. */
function computeTaps(
  kernel: (distance: number) => number,
  support: number,
  at: number,
  stretch: number,
): Taps {
  const reach = support * stretch;
  const taps: [number, number][] = [];
  for (let position = Math.ceil(at - reach); position <= Math.floor(at + reach); position++) {
    const weight = kernel((position - at) / stretch);
    if (weight !== 0) taps.push([position, weight]);
  }
  const sum = taps.reduce((total, [, weight]) => total + weight, 0);
  return taps.map(([position, weight]) => [position, weight / sum]);
}

const triangular = (distance: number): number => Math.max(1 - Math.abs(distance), 0);

/** Keys' convolution kernel. */
const cubic =
  (a: number) =>
  (distance: number): number => {
    const d = Math.abs(distance);
    if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
    return d < 2 ? a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a : 0;
  };

const resize: Reader = (node) => {
  const x = node.input(0);
  const coordinates = readChoice(node, "coordinate_transformation_mode", "half_pixel", COORDINATES);
  const mode = node.string("mode", "nearest");
  const nearest = readChoice(node, "nearest_mode", "round_prefer_floor", NEAREST);
  const [coefficient, exclude] = [node.float("cubic_coeff_a", -0.75), node.flag("exclude_outside")];
  const [antialias, outside] = [node.flag("antialias"), node.float("extrapolation_value", 0)];
  const aligned = node.string("coordinate_transformation_mode", "half_pixel") === "align_corners";
  const cropping = node.string("coordinate_transformation_mode", "half_pixel") === "tf_crop_and_resize";
  if (!["nearest", "linear", "cubic"].includes(mode)) node.fail(`mode ${mode} is not known`);
  const axes = readAxes(node, x);
  // ONNX's reference clamps positions; ONNX Runtime skips them.
  if (antialias && !exclude && mode !== "nearest" && axes.some(({ scale }) => scale < 1)) {
    node.fail("antialias needs exclude_outside: runtimes treat the edges differently without it");
  }
  // ONNX's reference uses the corners of a fractional size, ONNX Runtime those of a whole one.
  if (aligned && axes.some(({ from, to, scale }) => from * scale !== to)) {
    node.fail(
      "align_corners needs sizes, or scales that make whole ones: runtimes treat fractions differently",
    );
  }
  return axes.reduce((value, of) => {
    const tapsAt = (at: number): Taps => {
      const position = coordinates(at, of);
      if (mode === "nearest") return [[nearest(position), 1]];
      const stretch = antialias ? Math.max(1 / of.scale, 1) : 1;
      const [kernel, support] = mode === "linear" ? [triangular, 1] : [cubic(coefficient), 2];
      return computeTaps(kernel, support, position, stretch);
    };
    const isIdentity = of.from === of.to && of.scale === 1 && !cropping;
    if (isIdentity) return value;
    const isOutside = (at: number) =>
      cropping && (coordinates(at, of) < 0 || coordinates(at, of) > of.from - 1);
    const all = Array.from({ length: of.to }, (_, at) => within(tapsAt(at), of.from, exclude));
    return combineTaps(value, of.axis, all, { isOutside, outside });
  }, x);
};

function readChoice<T>(node: OnnxNode, name: string, otherwise: string, table: ReadonlyMap<string, T>): T {
  const given = node.string(name, otherwise);
  return table.get(given) ?? node.fail(`${name} ${given} is not known`);
}

/** Moves taps outside the axis to the element at its end, or drops them. */
function within(taps: Taps, size: number, exclude: boolean): Taps {
  if (!exclude) return taps.map(([at, weight]) => [Math.min(Math.max(at, 0), size - 1), weight]);
  const kept = taps.filter(([at]) => at >= 0 && at < size);
  const sum = kept.reduce((total, [, weight]) => total + weight, 0);
  return kept.map(([at, weight]) => [at, weight / sum]);
}

interface Outside {
  readonly isOutside: (at: number) => boolean;
  readonly outside: number;
}

/** The sum, over the taps, of elements of x along an axis times their weights. */
function combineTaps(x: Value, axis: number, taps: readonly Taps[], { isOutside, outside }: Outside): Value {
  const along = x.shape.map((_, at) => (at === axis ? taps.length : 1));
  const column = (values: readonly number[]): Value => constant(tensor(x.dtype, along, values));
  const most = taps.reduce((count, { length }) => Math.max(count, length), 0);
  const hasOutside = taps.some((_, at) => isOutside(at));
  const terms = Array.from({ length: most }, (_, which) => {
    const positions = taps.map((of) => of[which]?.[0] ?? 0);
    const weights = taps.map((of, at) => (isOutside(at) ? 0 : (of[which]?.[1] ?? 0)));
    const term = gather(x, constantIndices([taps.length], positions), axis);
    return weights.every((weight) => weight === 1) ? term : mul(term, column(weights));
  });
  const sum = terms.reduce(add);
  return hasOutside ? add(sum, column(taps.map((_, at) => (isOutside(at) ? outside : 0)))) : sum;
}

/** The resized axes, by sizes or scales, all of them or some. */
function readAxes(node: OnnxNode, x: Value): Axis[] {
  const rank = x.shape.length;
  const axes = (node.ints("axes") ?? [...x.shape.keys()]).map((axis) => axisFrom(node, axis, rank));
  const region = node.has(1) ? Array.from(node.constant(1).data, Number) : [];
  const sizes = node.numbers(3);
  const scales = node.has(2) ? Array.from(node.constant(2).data, Number) : [];
  const policy = node.string("keep_aspect_ratio_policy", "stretch");
  if ((sizes ?? scales).length !== axes.length) {
    node.fail(`takes a size or a scale for each of ${axes.length} axes, got ${(sizes ?? scales).length}`);
  }
  const kept =
    sizes &&
    keptRatio(
      node,
      policy,
      sizes,
      axes.map((axis) => x.shape[axis] as number),
    );
  return axes.map((axis, at) => {
    const from = x.shape[axis] as number;
    const scale = kept?.scale ?? (sizes ? (sizes[at] as number) / from : (scales[at] as number));
    const to = kept ? Math.floor(kept.scale * from + 0.5) : (sizes?.[at] ?? Math.floor(from * scale));
    if (!(to >= 0) || !(scale > 0))
      node.fail(`axis ${axis} would have ${to} elements at a scale of ${scale}`);
    return { axis, from, to, scale, region: [region[at] ?? 0, region[at + axes.length] ?? 1] };
  });
}

/** The common scale of all axes if the sizes are merely limits. */
function keptRatio(node: OnnxNode, policy: string, sizes: readonly number[], from: Shape) {
  if (policy === "stretch") return undefined;
  const scales = sizes.map((size, at) => size / (from[at] as number));
  if (policy === "not_larger") return { scale: Math.min(...scales) };
  if (policy === "not_smaller") return { scale: Math.max(...scales) };
  return node.fail(`keep_aspect_ratio_policy ${policy} is not known`);
}

export const RESIZE: Readers = { Resize: resize };
