import type { FloatDType, Inputs, LossOptions, Method } from "@softmax-bench/core";
import { floatArrayFrom } from "@softmax-bench/core";
import { isHalf } from "@softmax-bench/graph";

/** A small, awkward input. */
export interface Case {
  readonly name: string;
  readonly rows: number;
  readonly classes: number;
  readonly logits: readonly number[];
  /** Class indices `[N]`, or probabilities `[N, C]`. */
  readonly labels: readonly number[];
  readonly weights?: readonly number[];
  readonly upstream?: readonly number[];
  /** Loss options that differ from the mean over labelled rows. */
  readonly loss?: Partial<LossOptions>;
}

/** Deterministic but irregular values: the fractional parts of multiples of the golden ratio, around 0. */
const irregular = (length: number, scale: number, offset = 0): number[] =>
  Array.from({ length }, (_, index) => (((index * 0.6180339887) % 1) - 0.5) * 2 * scale + offset);

const labelsFor = (rows: number, classes: number): number[] =>
  Array.from({ length: rows }, (_, row) => (row * 7) % classes);

const spread = (name: string, rows: number, classes: number, scale: number, offset = 0): Case => ({
  name,
  rows,
  classes,
  logits: irregular(rows * classes, scale, offset),
  labels: labelsFor(rows, classes),
});

const ORDINARY = spread("ordinary logits", 7, 13, 3);
export const CASES: readonly Case[] = [
  ORDINARY,
  spread("one row", 1, 5, 2),
  { name: "one class", rows: 4, classes: 1, logits: [0, -3, 5, 1e4], labels: [0, 0, 0, 0] },
  { name: "one row of one class", rows: 1, classes: 1, logits: [2.5], labels: [0] },
  { name: "ties at the maximum", rows: 2, classes: 4, logits: [1, 2, 2, 0, -1, -1, -1, -5], labels: [1, 3] },
  { name: "all logits equal", rows: 3, classes: 6, logits: new Array(18).fill(0.75), labels: [0, 5, 2] },
  spread("a common offset of 1e4", 3, 5, 4, 1e4),
  spread("a common offset of -1e4", 3, 5, 4, -1e4),
  {
    name: "one dominant logit",
    rows: 2,
    classes: 4,
    logits: [60, 0, 1, -2, 60, 0, 1, -2],
    labels: [0, 2],
  },
  {
    name: "a label that is all but impossible",
    rows: 3,
    classes: 3,
    logits: [1, 2, 0, 51, -44, 50, -40, 48, 44],
    labels: [1, 1, 0],
  },
];

const WEIGHTS = irregular(13, 1, 1.25);
const IGNORED = [-100, 7, 1, -100, 2, 9, 3];
const PROBABILITIES = irregular(7 * 13, 0.5, 0.5);

/** Every option of the loss on ordinary logits, alone and together with those in the same formula. */
export const OPTION_CASES: readonly Case[] = (
  [
    { name: "the sum", loss: { reduction: "sum" } },
    { name: "one loss per row", loss: { reduction: "none" }, upstream: irregular(7, 2, 0.5) },
    { name: "class weights", loss: { weighted: true }, weights: WEIGHTS },
    { name: "an ignored label outside the classes", loss: { ignoreIndex: -100 }, labels: IGNORED },
    { name: "an ignored label among the classes", loss: { ignoreIndex: 7 } },
    {
      name: "the sum over weighted labels, some ignored",
      loss: { reduction: "sum", weighted: true, ignoreIndex: -100 },
      weights: WEIGHTS,
      labels: IGNORED,
    },
    {
      name: "one loss per row, weighted labels, some ignored",
      loss: { reduction: "none", weighted: true, ignoreIndex: -100 },
      weights: WEIGHTS,
      labels: IGNORED,
      upstream: irregular(7, 2, 0.5),
    },
    { name: "smoothed labels", loss: { labelSmoothing: 0.1 } },
    {
      name: "smoothed and weighted labels, some ignored",
      loss: { labelSmoothing: 0.1, weighted: true, ignoreIndex: -100 },
      weights: WEIGHTS,
      labels: IGNORED,
    },
    { name: "probabilities", loss: { targets: "probabilities" }, labels: PROBABILITIES },
    {
      name: "one loss per row, smoothed and weighted probabilities",
      loss: { reduction: "none", targets: "probabilities", labelSmoothing: 0.1, weighted: true },
      weights: WEIGHTS,
      labels: PROBABILITIES,
      upstream: irregular(7, 2, 0.5),
    },
  ] satisfies readonly Partial<Case>[]
).map((options) => ({ ...ORDINARY, ...options }));

/** Two classes of each row are masked, never the label's. */
const MASKED: Case = {
  ...ORDINARY,
  name: "masked classes",
  logits: ORDINARY.logits.map((logit, index) => {
    const [row, column] = [Math.floor(index / 13), index % 13];
    const fromLabel = (column - (ORDINARY.labels[row] as number) + 13) % 13;
    return fromLabel === 3 || fromLabel === 11 ? Number.NEGATIVE_INFINITY : logit;
  }),
};

/** Probabilities in which every masked class has 0. */
const UNMASKED_PROBABILITIES = PROBABILITIES.map((p, index) =>
  Number.isFinite(MASKED.logits[index]) ? p : 0,
);

/** Padding: all classes are masked, and the label is ignored. */
const PADDED: Partial<Case> = {
  logits: MASKED.logits.map((logit, index) => (index < 13 ? Number.NEGATIVE_INFINITY : logit)),
  labels: MASKED.labels.map((label, row) => (row === 0 ? -100 : label)),
};

/** PyTorch's results for logits of −∞, with all options that can interact with a one-hot matrix. */
export const MASKED_CASES: readonly Case[] = (
  [
    {},
    { name: "one loss per row, masked classes", loss: { reduction: "none" }, upstream: irregular(7, 2, 0.5) },
    { name: "masked classes, weighted labels", loss: { weighted: true }, weights: WEIGHTS },
    {
      name: "masked classes, an ignored row all of them",
      loss: { ignoreIndex: -100 },
      ...PADDED,
    },
    {
      name: "masked classes, smoothed labels: an infinite loss",
      loss: { labelSmoothing: 0.1 },
    },
    {
      name: "masked classes, smoothed and weighted labels, an ignored row all masked: an infinite loss",
      loss: { labelSmoothing: 0.1, weighted: true, ignoreIndex: -100 },
      weights: WEIGHTS,
      ...PADDED,
    },
    {
      name: "masked classes, probabilities of 0 for them",
      loss: { targets: "probabilities" },
      labels: UNMASKED_PROBABILITIES,
    },
    {
      name: "masked classes, probabilities of more for them: an infinite loss",
      loss: { targets: "probabilities" },
      labels: PROBABILITIES,
    },
    {
      name: "one loss per row, a masked label: an infinite loss",
      loss: { reduction: "none" },
      labels: MASKED.labels.map((label, row) => (row === 2 ? (label + 3) % 13 : label)),
      upstream: irregular(7, 2, 0.5),
    },
    {
      name: "a masked label: an infinite loss",
      labels: MASKED.labels.map((label, row) => (row === 2 ? (label + 3) % 13 : label)),
    },
    {
      name: "a masked label of weight 0",
      loss: { weighted: true },
      labels: MASKED.labels.map((label, row) => (row === 2 ? (label + 3) % 13 : label)),
      weights: WEIGHTS.with(((MASKED.labels[2] as number) + 3) % 13, 0),
    },
  ] satisfies readonly Partial<Case>[]
).map((options) => ({ ...MASKED, ...options }));

const WEIGHTLESS = { weights: WEIGHTS.with(4, 0), labels: new Array(7).fill(4) };

/** Rows with weight 0: the divisor of the mean is 0. */
export const EMPTY_CASES: readonly Case[] = (
  [
    { name: "no label that counts", loss: { ignoreIndex: -100 }, labels: new Array(7).fill(-100) },
    {
      name: "no label that counts, smoothed and weighted",
      loss: { ignoreIndex: -100, labelSmoothing: 0.1, weighted: true },
      labels: new Array(7).fill(-100),
      weights: WEIGHTS,
    },
    { name: "labels of weight 0", loss: { weighted: true }, ...WEIGHTLESS },
    { name: "smoothed labels of weight 0", loss: { weighted: true, labelSmoothing: 0.1 }, ...WEIGHTLESS },
    {
      name: "the sum of smoothed labels of weight 0",
      loss: { weighted: true, labelSmoothing: 0.1, reduction: "sum" },
      ...WEIGHTLESS,
    },
    {
      name: "smoothed labels of weight 0, some ignored",
      loss: { weighted: true, labelSmoothing: 0.1, ignoreIndex: -100 },
      weights: WEIGHTLESS.weights,
      labels: [4, -100, 4, 4, -100, -100, 4],
    },
  ] satisfies readonly Partial<Case>[]
).map((options) => ({ ...ORDINARY, ...options }));

/** A case's inputs in the arrays of a dtype. */
export function toInputs(dtype: FloatDType, { logits, labels, weights, upstream, loss }: Case): Inputs {
  const floats = (values: readonly number[]) => floatArrayFrom(dtype, values);
  return {
    logits: floats(logits),
    labels: loss?.targets === "probabilities" ? floats(labels) : Int32Array.from(labels),
    ...(weights ? { weights: floats(weights) } : {}),
    ...(upstream ? { upstream: floats(upstream) } : {}),
  };
}

/** Logits whose exponential, summed over a few classes, neither overflows nor vanishes. */
const EXP_RANGE: Readonly<Record<FloatDType, number>> = {
  float32: 80,
  float64: 700,
  float16: 9,
  bfloat16: 80,
};

/** The expected result of a method. */
export type Expectation =
  | "accurate"
  /** The loss may be NaN: the library computes 0 · −∞. */
  | "accurate or a loss of NaN"
  /** The loss is left to the runtime: 0 · log 0, and some runtimes' log 0 is not −∞. */
  | "an accurate gradient"
  | "a non-finite gradient"
  | "unspecified";

/** Behaviour of a runtime that its graphs do not show: see `DescribeOptions`. */
export interface Quirks {
  readonly libraryMultiplies: boolean;
  readonly cancelsQuotients: boolean;
}

/**
 * Returns the expected result of a method. The naive formulation is accurate while exponentials are in range, and
 * non-finite beyond. In between, its automatic gradient depends on the backend's rule for division: a rule that squares
 * the divisor overflows at half the range and silently loses a term. Its one-hot matrix turns a masked class into NaN.
 * So does that of a library with a hand-written gradient. In half precision, a runtime may compute with the range of
 * float32 or without.
 */
export function expectation(
  { kind, formulation }: Method,
  dtype: FloatDType,
  { logits, loss, weights, classes }: Case,
  { libraryMultiplies, cancelsQuotients }: Quirks,
): Expectation {
  const isMasked = logits.includes(Number.NEGATIVE_INFINITY);
  const isLibrary = formulation.id === "library" && loss?.targets !== "probabilities";
  // As in PyTorch, a weight of 0 times an infinite loss is NaN to most libraries.
  const multiplies = libraryMultiplies || weights?.includes(0);
  if (isMasked && isLibrary && multiplies) return "accurate or a loss of NaN";
  if (formulation.id !== "naive") return "accurate";
  if (isMasked) return kind === "manual" ? "an accurate gradient" : "a non-finite gradient";
  if (cancelsQuotients && classes === 1) return kind === "manual" ? "accurate" : "unspecified";
  const largest = Math.max(...logits.map(Math.abs));
  if (largest > EXP_RANGE[dtype]) return isHalf(dtype) ? "unspecified" : "a non-finite gradient";
  // Its loss is −log p, and p may have been flushed to 0; in float64 too, if exp has single precision.
  if (Math.max(...logits) - Math.min(...logits) > EXP_RANGE.float32) return "unspecified";
  return kind === "autograd" && largest > EXP_RANGE[dtype] / 2 ? "unspecified" : "accurate";
}
