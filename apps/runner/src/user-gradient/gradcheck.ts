import type { FloatDType } from "@softmax-bench/core";
import {
  errorBounds,
  floatArrayFrom,
  type GradientTask,
  type Inputs,
  type KernelAccuracy,
  type LossOptions,
  METHODS,
  type MethodId,
} from "@softmax-bench/core";
import { add, type DoubleDouble, fromNumber, multiply, negate, oracle } from "@softmax-bench/numerics";

/** A small problem. Its logits are multiples of 2^-10, or those rounded, so that steps of 2^-30 from them are exact in float64. */
export interface CheckCase {
  readonly name: string;
  readonly rows: number;
  readonly classes: number;
  readonly loss: Partial<LossOptions>;
  inputs(dtype: FloatDType): Inputs;
}

const [ROWS, CLASSES] = [5, 7];

/** Irregular multiples of 2^-10 in [low, high). */
const grid = (length: number, low: number, high: number): number[] =>
  Array.from({ length }, (_, index) => {
    const fraction = (index * 0.6180339887 + 0.1) % 1;
    return Math.round((low + fraction * (high - low)) * 2 ** 10) / 2 ** 10;
  });

interface Values {
  readonly labels: readonly number[];
  readonly weights?: readonly number[];
  readonly upstream?: readonly number[];
}

const makeCase = (
  name: string,
  loss: Partial<LossOptions>,
  { labels, weights, upstream }: Values,
): CheckCase => ({
  name,
  rows: ROWS,
  classes: CLASSES,
  loss,
  inputs: (dtype) => {
    const floats = (values: readonly number[]) => floatArrayFrom(dtype, values);
    return {
      logits: floats(grid(ROWS * CLASSES, -4, 4)),
      labels: loss.targets === "probabilities" ? floats(labels) : Int32Array.from(labels),
      ...(weights ? { weights: floats(weights) } : {}),
      ...(upstream ? { upstream: floats(upstream) } : {}),
    };
  },
});

const LABELS = [3, 0, 6, 2, 5];
const WEIGHTS = grid(CLASSES, 0.25, 2);

export const CHECK_CASES: readonly CheckCase[] = [
  makeCase("mean", {}, { labels: LABELS }),
  makeCase(
    "sum, weighted, one ignored",
    { reduction: "sum", weighted: true, ignoreIndex: -100 },
    {
      labels: [3, -100, 6, 2, 5],
      weights: WEIGHTS,
    },
  ),
  makeCase(
    "mean, weighted, smoothed",
    { weighted: true, labelSmoothing: 0.125 },
    { labels: LABELS, weights: WEIGHTS },
  ),
  makeCase(
    "none, probabilities",
    { reduction: "none", targets: "probabilities" },
    {
      labels: grid(ROWS * CLASSES, 0, 1),
      upstream: grid(ROWS, -1, 2),
    },
  ),
];

const STEP = 2 ** -30;
/** Largest third derivative of log Σ exp along one logit, p (1 − p)(1 − 2p), which is that of the loss of a row. */
const THIRD_DERIVATIVE = 1 / (6 * Math.sqrt(3));
/** Relative error of the oracle's loss. */
const ORACLE_ERROR = 2 ** -95;

const OWN_METHODS =
  "The formula of a method from bench.config.ts is not known: it is held to the bound of autograd/shifted.";

/** Describes the derivation of the tolerances, for readers of the table. */
export const describeTolerances = (methods: Iterable<string>): readonly string[] => [
  "Against the oracle's gradient, an entry may be off by its a priori bound (packages/core/src/bounds): the roundings of exponentials, sums and quotients along the method's formula, after Blanchard, Higham and Higham 2021.",
  `Against central differences (L(x + h) − L(x − h)) / 2h of the oracle's loss with h = 2^-30, by as much again as these are off: h²/6 · max|L‴| ≤ ${((STEP ** 2 / 6) * THIRD_DERIVATIVE).toExponential(1)} times the row's share, 2^-95 |L| / h ≤ ${(ORACLE_ERROR / STEP).toExponential(1)} |L| from the oracle, and the rounding of the quotient to float64.`,
  ...(Array.from(methods).every((id) => METHODS.some((method) => method.id === id)) ? [] : [OWN_METHODS]),
  "Each line shows the entry that uses most of its tolerance; a ratio of 1 or less passes.",
];

/** The error of one entry, and its tolerance. */
interface Worst {
  readonly error: number;
  readonly tolerance: number;
  /** Error over tolerance; Infinity if the error is not a number. */
  readonly ratio: number;
}

/** The reference for a computed gradient, for one case in one dtype. */
export class Check {
  readonly inputs: Inputs;
  readonly #case: CheckCase;
  readonly #exact: Float64Array;
  readonly #differences: Float64Array;
  readonly #ofDifferences: Float64Array;

  constructor(check: CheckCase, dtype: FloatDType) {
    this.#case = check;
    this.inputs = check.inputs(dtype);
    const { rows, classes, loss } = check;
    this.#exact = oracle({ rows, classes, ...this.inputs, ...loss }).gradient.hi;
    const { values, errors } = centralDifferences(check, this.inputs);
    this.#differences = values;
    this.#ofDifferences = errors;
  }

  taskFor({ method, dtype }: Pick<GradientTask, "method" | "dtype">): GradientTask {
    const { rows, classes, loss } = this.#case;
    return { method, dtype, rows, classes, loss };
  }

  compare(task: GradientTask, gradient: ArrayLike<number>, kernels: KernelAccuracy | undefined) {
    const { gradient: bounds } = errorBounds({ ...task, method: boundedBy(task) }, this.inputs, kernels);
    return {
      oracle: worstEntry(gradient, this.#exact, bounds),
      differences: worstEntry(
        gradient,
        this.#differences,
        bounds.map((bound, index) => bound + (this.#ofDifferences[index] as number)),
      ),
    };
  }
}

/** The method whose bound a task is held to. The formula of a user's is not known: it should be as exact as a stable one. */
const boundedBy = ({ method }: GradientTask): MethodId =>
  METHODS.some(({ id }) => id === method) ? method : "autograd/shifted";

/** The entry that uses most of its tolerance. NaN is right where it is expected. */
export function worstEntry(
  computed: ArrayLike<number>,
  expected: Float64Array,
  tolerances: Float64Array,
): Worst {
  let worst: Worst = { error: 0, tolerance: tolerances[0] as number, ratio: 0 };
  for (const [index, value] of expected.entries()) {
    if (Object.is(computed[index], value)) continue;
    const error = Math.abs((computed[index] as number) - value);
    const tolerance = tolerances[index] as number;
    const ratio = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error / tolerance;
    if (ratio > worst.ratio) worst = { error, tolerance, ratio };
  }
  return worst;
}

/**
 * Central differences of the oracle's loss (for one loss per row: of its product with `upstream`), and their errors.
 */
function centralDifferences(
  check: CheckCase,
  inputs: Inputs,
): { values: Float64Array; errors: Float64Array } {
  const logits = Float64Array.from(inputs.logits);
  const lossAt = (index: number, step: number): DoubleDouble => {
    const moved = logits.slice();
    moved[index] = (moved[index] as number) + step;
    return totalLoss(check, { ...inputs, logits: moved });
  };
  const size = Math.abs(totalLoss(check, inputs).hi);
  const largestShare = Math.max(1, ...(inputs.upstream ?? []).map(Math.abs)) * 2;
  const values = logits.map((_, index) => {
    const difference = add(lossAt(index, STEP), negate(lossAt(index, -STEP)));
    return (difference.hi + difference.lo) / (2 * STEP);
  });
  const error =
    (STEP ** 2 / 6) * THIRD_DERIVATIVE * largestShare * CLASSES + (ORACLE_ERROR * (size + 1)) / STEP;
  return { values, errors: values.map((value) => error + 2 ** -53 * Math.abs(value)) };
}

function totalLoss({ rows, classes, loss }: CheckCase, inputs: Inputs): DoubleDouble {
  const { upstream, ...others } = inputs;
  const { loss: losses } = oracle({ rows, classes, ...others, ...loss });
  let total = fromNumber(0);
  for (let row = 0; row < losses.hi.length; row++) {
    const rowLoss = { hi: losses.hi[row] as number, lo: losses.lo[row] as number };
    total = add(total, multiply(rowLoss, fromNumber(upstream?.[row] ?? 1)));
  }
  return total;
}
