import type { FloatDType, Inputs, LossOptions, Method } from "@softmax-bench/core";

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
  /** What differs from the mean over labelled rows. */
  readonly loss?: Partial<LossOptions>;
}

/** Deterministic and irregular: the fractional parts of multiples of the golden ratio, around 0. */
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

/** Every option of the loss on ordinary logits, alone and with those that it meets in a formula. */
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

const IGNORED_ALONE = { ...ORDINARY, labels: new Array<number>(7).fill(-100) };
export const ALL_IGNORED: readonly Case[] = [
  { ...IGNORED_ALONE, name: "ignored labels alone", loss: { ignoreIndex: -100 } },
  {
    ...IGNORED_ALONE,
    name: "ignored labels alone, weighted and smoothed",
    loss: { ignoreIndex: -100, weighted: true, labelSmoothing: 0.1 },
    weights: WEIGHTS,
  },
];

/** A case's inputs in the arrays of a dtype. */
export function inputsOf(dtype: FloatDType, { logits, labels, weights, upstream, loss }: Case): Inputs {
  const floats = (values: readonly number[]) =>
    dtype === "float32" ? Float32Array.from(values) : Float64Array.from(values);
  return {
    logits: floats(logits),
    labels: loss?.targets === "probabilities" ? floats(labels) : Int32Array.from(labels),
    ...(weights ? { weights: floats(weights) } : {}),
    ...(upstream ? { upstream: floats(upstream) } : {}),
  };
}

/** Logits whose exponential, summed over a few classes, neither overflows nor vanishes. */
const EXP_RANGE: Readonly<Record<FloatDType, number>> = { float32: 80, float64: 700 };

/**
 * What to expect of a method. The naive formulation is accurate while exponentials are in range, and turns
 * non-finite where they are not. In between, differentiated, it is at the mercy of the backend's rule for
 * division: one that squares the divisor overflows at half the range, and loses a term without a sign of it.
 */
export function expectation(
  { kind, formulation }: Method,
  dtype: FloatDType,
  { logits }: Case,
): "accurate" | "non-finite" | "unspecified" {
  if (formulation.id !== "naive") return "accurate";
  const largest = Math.max(...logits.map(Math.abs));
  if (largest > EXP_RANGE[dtype]) return "non-finite";
  // Its loss is −log p, and p may have been flushed to 0 – in float64 too, where exp is one of single precision.
  if (Math.max(...logits) - Math.min(...logits) > EXP_RANGE.float32) return "unspecified";
  return kind === "autograd" && largest > EXP_RANGE[dtype] / 2 ? "unspecified" : "accurate";
}
