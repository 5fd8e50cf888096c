import { GraphError } from "../error.js";
import type { OpDefinition } from "../op.js";
import {
  allocate,
  type DType,
  type Element,
  elementAt,
  isInteger,
  type Tensor,
  type TensorType,
  write,
} from "../tensor.js";
import { cumSum, expand, scalar, scatterElements } from "../vocabulary/index.js";
import { withSize } from "./blocks.js";
import {
  expectInputs,
  generate,
  lanesAlong,
  NUMBERS,
  numberAttribute,
  readAxis,
  stringAttribute,
} from "./support.js";

/** Operators on sequences of numbers: those along an axis, and those with equal steps. */

/** `start`, `start + delta`, … before `limit`: known numbers, so that only the length may depend on a batch size. */
export const Range: OpDefinition = {
  name: "Range",
  infer: (inputs, attributes) => {
    if (inputs.length > 0) throw new GraphError(`takes no inputs, got ${inputs.length}`);
    const [start = 0, limit = 0, delta = 0] = ["start", "limit", "delta"].map((name) =>
      numberAttribute(attributes, name),
    );
    if (delta === 0 || ![start, limit, delta].every(Number.isFinite)) {
      throw new GraphError(`a range from ${start} to ${limit} by ${delta} has no length`);
    }
    const dtype = stringAttribute(attributes, "dtype") as DType;
    return [{ dtype, shape: [Math.max(Math.ceil((limit - start) / delta), 0)] }];
  },
  evaluate: (_, attributes, [type]) => {
    if (!type) return [];
    const [start, delta] = [numberAttribute(attributes, "start"), numberAttribute(attributes, "delta")];
    return [generate(type, (index) => start + index * delta)];
  },
  gradient: () => [],
};

/** Partial sums along an axis, each with (or, `exclusive`, without) its last element; from the end if `reverse`. */
export const CumSum: OpDefinition = {
  name: "CumSum",
  dtypes: NUMBERS,
  infer: (inputs, attributes) => {
    const [x] = expectInputs(inputs, 1);
    readAxis(attributes, x.shape);
    return [x];
  },
  evaluate: ([x], attributes, [type]) => {
    if (!x || !type) return [];
    const [isExclusive, isReverse] = ["exclusive", "reverse"].map(
      (name) => numberAttribute(attributes, name) === 1,
    );
    const add = isInteger(x)
      ? (a: Element, b: Element) => BigInt(a) + BigInt(b)
      : (a: Element, b: Element) => Number(a) + Number(b);
    const data = allocate(type);
    const { count, length, index } = lanesAlong(numberAttribute(attributes, "axis"), x.shape);
    for (let lane = 0; lane < count; lane++) {
      let sum: Element = isInteger(x) ? 0n : 0;
      for (let step = 0; step < length; step++) {
        const at = index(lane, isReverse ? length - 1 - step : step);
        if (isExclusive) write(data, at, sum);
        sum = add(sum, elementAt(x.data, at));
        if (!isExclusive) write(data, at, sum);
      }
    }
    return [{ dtype: type.dtype, shape: type.shape, data }];
  },
  gradient: ({ attributes, upstream: [upstream] }) => {
    if (!upstream) return [];
    const [exclusive, reverse] = ["exclusive", "reverse"].map(
      (name) => numberAttribute(attributes, name) === 1,
    );
    return [cumSum(upstream, numberAttribute(attributes, "axis"), { exclusive, reverse: !reverse })];
  },
};

/** Positions along an axis in the order of their elements, the largest first (or the smallest); the sort is stable. */
function sortAlong(x: Tensor, axis: number, isLargest: boolean): (lane: number) => number[] {
  const { length, index } = lanesAlong(axis, x.shape);
  return (lane) => {
    const at = (position: number) => elementAt(x.data, index(lane, position));
    const isNumber = (value: Element) => !Number.isNaN(value);
    const compare = (a: Element, b: Element) => {
      // NaN is larger than any number.
      if (!isNumber(a) || !isNumber(b)) return Number(isNumber(a)) - Number(isNumber(b));
      return a < b ? 1 : a > b ? -1 : 0;
    };
    return Array.from({ length }, (_, position) => position).sort((a, b) =>
      isLargest ? compare(at(a), at(b)) : compare(at(b), at(a)),
    );
  };
}

/** The position of the largest element along an axis, which is kept with size 1: the first or last among equal ones. */
export const ArgMax: OpDefinition = {
  name: "ArgMax",
  dtypes: NUMBERS,
  infer: (inputs, attributes) => {
    const [x] = expectInputs(inputs, 1);
    const axis = readAxis(attributes, x.shape);
    if (x.shape[axis] === 0) throw new GraphError("an axis of size 0 has no largest element");
    return [{ dtype: "int64", shape: withSize(x.shape, axis, 1) }];
  },
  evaluate: ([x], attributes, [type]) => {
    if (!x || !type) return [];
    const { length, index } = lanesAlong(numberAttribute(attributes, "axis"), x.shape);
    const isLast = numberAttribute(attributes, "select_last_index") === 1;
    return [
      generate(type, (lane) => {
        let best = 0;
        for (let position = 1; position < length; position++) {
          const [found, most] = [position, best].map((at) => elementAt(x.data, index(lane, at))) as [
            Element,
            Element,
          ];
          if (found > most || (isLast && found === most)) best = position;
        }
        return best;
      }),
    ];
  },
  gradient: () => [undefined],
};

/** The `k` largest (or smallest) elements along an axis, in order, and their positions. */
export const TopK: OpDefinition = {
  name: "TopK",
  dtypes: NUMBERS,
  infer: (inputs, attributes) => {
    const [x] = expectInputs(inputs, 1);
    const axis = readAxis(attributes, x.shape);
    const k = numberAttribute(attributes, "k");
    if (k < 0 || k > (x.shape[axis] as number))
      throw new GraphError(`has no ${k} elements along axis ${axis}`);
    const shape = withSize(x.shape, axis, k);
    return [
      { dtype: x.dtype, shape },
      { dtype: "int64", shape },
    ];
  },
  evaluate: ([x], attributes, types) => {
    const [values, positions] = types as readonly [TensorType, TensorType];
    if (!x) return [];
    const axis = numberAttribute(attributes, "axis");
    const order = sortAlong(x, axis, numberAttribute(attributes, "largest") === 1);
    const [source, target] = [lanesAlong(axis, x.shape), lanesAlong(axis, values.shape)];
    const [chosen, at] = [allocate(values), allocate(positions)];
    for (let lane = 0; lane < target.count; lane++) {
      for (const [rank, position] of order(lane).slice(0, target.length).entries()) {
        write(chosen, target.index(lane, rank), elementAt(x.data, source.index(lane, position)));
        write(at, target.index(lane, rank), position);
      }
    }
    return [
      { ...values, data: chosen },
      { ...positions, data: at },
    ];
  },
  gradient: ({ inputs: [x], outputs: [, positions], attributes, upstream: [upstream] }) =>
    x && positions && upstream
      ? [
          scatterElements(
            expand(scalar(0, x.dtype), x.shape),
            positions,
            upstream,
            numberAttribute(attributes, "axis"),
          ),
        ]
      : [],
};
