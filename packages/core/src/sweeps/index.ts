import { CLASSES, createSweep } from "./generate.js";
import type { Sweep } from "./sweep.js";

/** Elements at each number of classes, rounded to whole rows, and at most 64 rows. */
const ELEMENTS = 2 ** 16;

/** Elements at the largest numbers of classes of a sum. */
const ELEMENTS_SUMMED = 2 ** 18;

const largestBut = (logits: Float64Array, except: number): number =>
  logits.reduce((most, logit, c) => (c === except ? most : Math.max(most, logit)), Number.NEGATIVE_INFINITY);

/** A class that is not the label, the same for all points. */
const otherThan = (label: number, classes: number): number => (label + 1) % classes;

const STEPS = [0, 1, 2, 5, 10, 15, 20, 30, 40, 60, 80, 100, 150, 200];

/** Rows of the mean whose gradient is scaled: the original experiment's. */
const MEAN_ROWS = 3200;

const OFFSETS = [-1e6, -1e5, -1e4, -1e3, -100, -10, 0, 10, 100, 1e3, 1e4, 1e5, 1e6];

/** The curves that decide which formulation to use. */
export const SWEEPS: readonly Sweep[] = [
  createSweep({
    id: "classes",
    summary: "standard normal logits",
    axis: "classes",
    points: [10, 32, 100, 316, 1000, 3162, 10_000, 31_623, 100_000, 262_144],
    shape: (classes) => ({ rows: Math.min(64, Math.max(1, Math.floor(ELEMENTS / classes))), classes }),
    row: () => {},
  }),
  createSweep({
    id: "scale",
    summary: "normal logits of growing standard deviation",
    axis: "standard deviation",
    points: [1e-3, 1e-2, 0.1, 1, 3, 10, 30, 100, 300, 1e3, 1e4],
    row: (logits, _, scale) => {
      for (const [c, logit] of logits.entries()) logits[c] = logit * scale;
    },
  }),
  createSweep({
    id: "offset",
    summary: "standard normal logits with a common offset, which changes neither loss nor gradient",
    axis: "offset",
    points: {
      float32: OFFSETS,
      float64: OFFSETS,
      float16: [-6e4, -1e4, -1e3, -100, -10, 0, 10, 100, 1e3, 1e4, 6e4],
      bfloat16: OFFSETS,
    },
    row: (logits, _, offset) => {
      for (const [c, logit] of logits.entries()) logits[c] = logit + offset;
    },
  }),
  createSweep({
    id: "confidence",
    summary: "the target's logit above the largest other: a network that is right, and ever surer",
    axis: "margin",
    points: STEPS,
    row: (logits, label, margin) => {
      logits[label] = largestBut(logits, label) + margin;
    },
  }),
  createSweep({
    id: "dominant",
    summary: "another class's logit above all others: a network that is wrong, and ever surer",
    axis: "lead",
    points: STEPS,
    row: (logits, label, lead) => {
      const other = otherThan(label, logits.length);
      logits[other] = largestBut(logits, other) + lead;
    },
  }),
  createSweep({
    id: "ties",
    summary: "several classes tied for the largest logit",
    axis: "tied classes",
    points: [1, 2, 3, 5, 8, CLASSES],
    row: (logits, label, tied) => {
      const largest = logits.reduce((a, b) => Math.max(a, b));
      for (let k = 0; k < logits.length; k++) {
        const c = (label + k) % logits.length;
        if (k < tied) logits[c] = largest;
        else if (logits[c] === largest) logits[c] = largest - 1;
      }
    },
  }),
  createSweep({
    id: "masked",
    summary: "classes other than the target masked by −∞",
    axis: "masked classes",
    points: [0, 1, 2, 5, 8, CLASSES - 1],
    row: (logits, label, masked) => {
      for (let k = 1; k <= masked; k++) logits[(label + k) % logits.length] = Number.NEGATIVE_INFINITY;
    },
  }),
  createSweep({
    id: "overflow",
    summary: "the largest logit near the end of the exponential's range, the others 2 or more below",
    axis: "largest logit",
    points: {
      float32: [40, 44, 45, 60, 80, 86, 88, 88.5, 88.7, 88.8, 89, 90, 104, 120],
      float64: [350, 354, 356, 500, 700, 706, 709, 709.5, 709.7, 709.8, 710, 712, 745, 800],
      float16: [5, 5.5, 5.75, 8, 10, 10.75, 11, 11.0625, 11.09375, 11.125, 11.25, 12, 14, 20],
      bfloat16: [40, 44, 45, 60, 80, 86, 88, 88.5, 89, 90, 104, 120],
    },
    row: (logits, label, largest) => {
      const other = otherThan(label, logits.length);
      for (const [c, logit] of logits.entries()) logits[c] = largest - 2 - Math.abs(logit);
      logits[other] = largest;
    },
  }),
  createSweep({
    id: "accumulation",
    summary:
      "one class above a tail of equal ones, each of which is lost to a sum in bfloat16 of 256 times as much, in float16 of 2,048 times",
    axis: "classes",
    points: [64, 256, 1024, 4096, 16_384, 65_536, 262_144],
    shape: (classes) => ({ rows: Math.min(8, ELEMENTS_SUMMED / classes), classes }),
    // Both are exact in every dtype. The sum stays below 90, so that its square is in float16's range.
    row: (logits, label) => {
      logits.fill(-8);
      logits[otherThan(label, logits.length)] = 0;
    },
  }),
  createSweep({
    id: "loss-scale",
    summary:
      "the gradient of a mean over 3,200 rows, times a loss scale: in float16, entries underflow without one",
    axis: "loss scale",
    points: [0, 4, 8, 12, 16, 20, 24].map((exponent) => 2 ** exponent),
    shape: () => ({ rows: 32, classes: 1000 }),
    row: () => {},
    upstream: (lossScale) => lossScale / MEAN_ROWS,
  }),
];
