import { GraphError, type Shape, sameShape, type Tensor } from "@softmax-bench/graph";

/** A number that depends on the batch size: slope · size + offset. */
export interface Affine {
  readonly slope: number;
  readonly offset: number;
}

/** A tensor whose elements depend on the batch size. */
export interface AffineTensor {
  readonly dtype: Tensor["dtype"];
  readonly shape: Shape;
  readonly elements: readonly Affine[];
}

/**
 * What a number is for any batch size, given what it is for some.
 * @param rounded how numbers are stored: a count of more than 2^24 is rounded in float32
 * @throws GraphError if it is not affine in the batch size.
 */
export function affine(
  values: readonly number[],
  sizes: readonly number[],
  rounded: (value: number) => number = (value) => value,
): Affine {
  const [first = 0, second = first] = values;
  if (values.every((value) => Object.is(value, first))) return { slope: 0, offset: first };
  const [size = 0, another = 0] = sizes;
  const slope = (second - first) / (another - size);
  const candidates = [
    { slope: Math.round(first / size), offset: 0 },
    { slope, offset: first - slope * size },
  ];
  const fits = ({ slope: a, offset: b }: Affine) =>
    Number.isInteger(a) &&
    Number.isInteger(b) &&
    values.every((value, index) => value === rounded(a * (sizes[index] as number) + b));
  const found = candidates.find(fits);
  if (!found) {
    throw new GraphError(
      `${values.join(", ")} for batches of ${sizes.join(", ")}, which is no multiple of them`,
    );
  }
  return found;
}

/**
 * The tensor itself if it is the same for all batch sizes.
 * @throws GraphError if its shape is not, or if its elements are neither the same nor whole numbers.
 */
export function merge(tensors: readonly Tensor[], sizes: readonly number[]): Tensor | AffineTensor {
  const [first, ...others] = tensors;
  if (!first) throw new GraphError("nothing");
  if (!others.every(({ shape }) => sameShape(shape, first.shape))) {
    throw new GraphError(`of shapes ${tensors.map(({ shape }) => `[${shape}]`).join(", ")}`);
  }
  if (others.every(({ data }) => sameElements(data, first.data))) return first;
  const elements: Affine[] = [];
  for (const index of first.data.keys()) {
    const values = tensors.map(({ data }) => Number(data[index]));
    const element = affine(values, sizes, first.dtype === "float32" ? Math.fround : undefined);
    if (!Number.isSafeInteger(element.offset) || Object.is(element.offset, -0)) {
      throw new GraphError(`${element.offset} beside a number that depends on the batch size`);
    }
    elements.push(element);
  }
  return { dtype: first.dtype, shape: first.shape, elements };
}

function sameElements(a: Tensor["data"], b: Tensor["data"]): boolean {
  for (const index of a.keys()) if (!Object.is(a[index], b[index])) return false;
  return a.length === b.length;
}
