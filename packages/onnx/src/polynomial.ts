import { GraphError, type Shape, sameShape, type Tensor } from "@softmax-bench/graph";
import { ROUNDING } from "./rounding.js";

/**
 * The compared sizes: a list for each open size. There is a graph for each combination, the last size varying first.
 */
export type Axes = readonly (readonly number[])[];

/** A factor times powers of the open sizes. */
export interface Term {
  readonly factor: number;
  readonly powers: readonly number[];
}

/** A number that depends on the open sizes: the sum of its terms. */
export type Polynomial = readonly Term[];

/** A tensor whose elements depend on the open sizes. */
export interface PolynomialTensor {
  readonly dtype: Tensor["dtype"];
  readonly shape: Shape;
  readonly elements: readonly Polynomial[];
}

/** Every combination of sizes. */
export const cartesianProduct = (axes: Axes): number[][] =>
  axes.reduce<number[][]>(
    (points, sizes) => points.flatMap((point) => sizes.map((size) => [...point, size])),
    [[]],
  );

export const isFixed = (polynomial: Polynomial): boolean =>
  polynomial.every(({ powers }) => isConstant(powers));

const isConstant = (powers: readonly number[]): boolean => powers.every((power) => power === 0);

const valueAt = (polynomial: Polynomial, point: readonly number[]): number =>
  polynomial.reduce(
    (sum, { factor, powers }) =>
      sum + powers.reduce((product, power, at) => product * (point[at] as number) ** power, factor),
    0,
  );

/**
 * Derives a number for any sizes from its values for some: one product of sizes, in which all but the first may be
 * squared, or a sum of products in which each occurs at most once.
 * @param rounded rounding of stored numbers: a count of more than 2^24 is rounded in float32
 * @throws GraphError if it is neither
 */
export function polynomial(
  values: readonly number[],
  axes: Axes,
  rounded: (value: number) => number = (value) => value,
): Polynomial {
  const [first = 0] = values;
  const none = axes.map(() => 0);
  if (values.every((value) => Object.is(value, first))) return [{ factor: first, powers: none }];
  const points = cartesianProduct(axes);
  const fits = (candidate: Polynomial) =>
    candidate.every(({ factor }) => Number.isInteger(factor)) &&
    values.every((value, index) => value === rounded(valueAt(candidate, points[index] as number[])));
  const products = cartesianProduct(axes.map((_, at) => (at === 0 ? [0, 1] : [0, 1, 2]))).map(
    (powers): Polynomial => {
      const unit = valueAt([{ factor: 1, powers }], points[0] as number[]);
      return [{ factor: Math.round(first / unit), powers }];
    },
  );
  const found = [...products, multilinear(values, axes)].find(fits);
  if (!found) {
    const sizes = points.map((point) => point.join("×"));
    throw new GraphError(
      `${shown(values)} for sizes of ${shown(sizes)}, which is no sum of products of them`,
    );
  }
  return found;
}

const shown = (of: readonly (number | string)[]): string => of.slice(0, 3).join(", ");

/** The sum of products, without squares, with the given values at the first two of each size. */
function multilinear(values: readonly number[], axes: Axes): Polynomial {
  const [sizes, ...others] = axes;
  if (!sizes) return [{ factor: values[0] as number, powers: [] }];
  const count = values.length / sizes.length;
  const [a, b] = [0, 1].map((at) => multilinear(values.slice(at * count, (at + 1) * count), others)) as [
    Polynomial,
    Polynomial,
  ];
  const factorIn = (of: Polynomial, powers: readonly number[]) =>
    of.find((term) => String(term.powers) === String(powers))?.factor ?? 0;
  const all = new Map([...a, ...b].map(({ powers }) => [String(powers), powers]));
  const [size = 0, another = 0] = sizes;
  return Array.from(all.values()).flatMap((powers) => {
    const slope = (factorIn(b, powers) - factorIn(a, powers)) / (another - size);
    const offset = factorIn(a, powers) - slope * size;
    const terms = [
      { factor: slope, powers: [1, ...powers] },
      { factor: offset, powers: [0, ...powers] },
    ];
    return terms.filter(({ factor }) => factor !== 0);
  });
}

/**
 * Merges tensors; returns the tensor itself if it is the same for all sizes.
 * @throws GraphError if its shape varies, or if its elements are neither the same nor whole numbers.
 */
export function merge(tensors: readonly Tensor[], axes: Axes): Tensor | PolynomialTensor {
  const [first, ...others] = tensors;
  if (!first) throw new GraphError("nothing");
  if (!others.every(({ shape }) => sameShape(shape, first.shape))) {
    const shapes = [...new Set(tensors.map(({ shape }) => `[${shape}]`))];
    throw new GraphError(`of shapes ${shown(shapes)}`);
  }
  if (others.every(({ data }) => sameElements(data, first.data))) return first;
  const elements: Polynomial[] = [];
  for (const index of first.data.keys()) {
    const values = tensors.map(({ data }) => Number(data[index]));
    const element = polynomial(values, axes, ROUNDING[first.dtype]);
    const wrong = element.find(({ factor }) => !Number.isSafeInteger(factor) || Object.is(factor, -0));
    if (wrong) throw new GraphError(`${wrong.factor} beside a number that depends on the batch size`);
    elements.push(element);
  }
  return { dtype: first.dtype, shape: first.shape, elements };
}

function sameElements(a: Tensor["data"], b: Tensor["data"]): boolean {
  for (const index of a.keys()) if (!Object.is(a[index], b[index])) return false;
  return a.length === b.length;
}
