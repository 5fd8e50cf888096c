import { isHalf } from "@softmax-bench/graph";
import { FORMATS, type FormatId } from "@softmax-bench/numerics";
import type { Inputs } from "../backend.js";
import { DEFAULT_LOSS } from "../loss-options.js";
import { findMethod } from "../methods.js";
import type { GradientTask } from "../program.js";
import { FAITHFUL, type KernelAccuracy } from "./kernels.js";
import { largestValue, probabilityErrors } from "./probabilities.js";
import { TargetRows } from "./target-rows.js";

/**
 * A priori bounds on the rounding errors of every method, entry by entry, in the manner of Blanchard, D. J. Higham and
 * N. J. Higham, "Accurately computing the log-sum-exp and softmax functions", IMA J. Numer. Anal. 41 (2021): nothing
 * here is fitted to results of a backend. With u the unit roundoff, C classes and N rows, to first order in u:
 *
 * - An exponential of a shifted logit z = x − max x has relative error (|z| + e(z)) u, since the subtraction rounds at
 *   the size of z; of an unshifted one, e(x) u. e is what the runtime's exp reaches; the paper takes e = 1.
 * - A sum of C of them adds (C − 1) u in any order, and a quotient d u. With e = d = 1 this is the paper's (C + 2 + 2
 *   max|z|) u for the shifted softmax, and (C + 2) u for the plain one.
 * - An exponential as a pair of mantissa and exponent, of a logit as it is, has 2 u, and their sum 3 u, whatever C and
 *   |x| are: `PAIR` and `SUM_OF_PAIRS` in `probabilities.ts`, with the derivation.
 * - Through log-probabilities, the absolute errors of log p become relative errors of p = exp(log p): |z| + |log p| and
 *   those of the sum and its logarithm, (|x| + |log Σ|) more where the library subtracts log Σ exp(x) from the logits
 *   as they are (the paper's section 4: the division-free softmax).
 * - The gradient of a row is p Σq − q: its two terms bring their own errors, the subtraction u and the division by N d
 *   u. That is absolute: where the terms cancel, the result's relative error is unbounded.
 * - Differentiating through the maximum adds, at the maximum, the sum of all entries, which is 0 but for its rounding:
 *   the errors of all entries, and C u of the sum of their magnitudes. The target entry as minus the sum of the others
 *   has their errors, and as much for the sum.
 * - Where half precision is computed with as float32, u is float32's, and rounding the result to the dtype adds half a
 *   unit in its last place.
 */
export interface ErrorBounds {
  /** Largest |g − g*|, `[N, C]`. */
  readonly gradient: Float64Array;
  /** Largest |loss − loss*|: one entry, or one per row for reduction "none". */
  readonly loss: Float64Array;
}

/** Operations of an automatic gradient beyond those of the hand-written formula: factors applied and undone. */
const AUTOMATIC = 8;
/** Roundings of a target's weight, smoothing and share of the reduction, besides its sums. */
const OPTIONS = 8;

/** A task whose operations are rounded to any format, half-precision ones included. */
type BoundedTask = Omit<GradientTask, "dtype"> & { readonly dtype: FormatId };

/**
 * The bounds for a task on given inputs. They hold while no exponential or sum overflows.
 *
 * @throws RangeError if there is no such method.
 */
export function errorBounds(
  task: BoundedTask,
  inputs: Inputs,
  kernels: KernelAccuracy = FAITHFUL,
): ErrorBounds {
  const { dtype, rows, classes } = task;
  const {
    kind,
    formulation: { rounding },
  } = findMethod(task.method);
  const options = { ...DEFAULT_LOSS, ...task.loss };
  const computed = kernels.widensHalf && isHalf(dtype) ? "float32" : dtype;
  const u = Math.max(FORMATS[kernels.precision ?? computed].unitRoundoff, FORMATS[computed].unitRoundoff);
  const stored = (value: number, error: number) =>
    computed === dtype ? error : error + largestRounding(dtype, Math.abs(value) + error);
  const targets = new TargetRows(classes, inputs, options);
  const plain = targets.plain;
  const divisor = options.reduction === "mean" ? targets.divisor(rows) : 1;
  // A sum of N weights, if there are weights.
  const sharing = 1 + kernels.division + (plain ? 0 : OPTIONS + rows);
  const gradient = new Float64Array(rows * classes);
  const rowLosses = new Float64Array(rows);
  let totalLoss = 0;

  for (let row = 0; row < rows; row++) {
    const logits = Float64Array.from(inputs.logits.subarray(row * classes, (row + 1) * classes));
    const { q, total, label } = targets.row(row);
    // Its gradient and its loss are 0, exactly.
    if (label !== undefined && label === options.ignoreIndex) continue;
    const { p, logP, relative, loss, smallest } = probabilityErrors(logits, rounding, kernels, computed);
    const share = Math.abs(options.reduction === "none" ? (inputs.upstream?.[row] ?? 1) : 1 / divisor);
    const extra =
      (kind === "autograd" ? AUTOMATIC * kernels.division + classes : 0) + (plain ? 0 : OPTIONS + classes);
    const own = gradient.subarray(row * classes, (row + 1) * classes);
    const size = (c: number) => Math.abs((p[c] as number) * total - (q[c] as number));
    let [rowLoss, lossError] = [0, 0];
    for (let c = 0; c < classes; c++) {
      const [pc, qc] = [p[c] as number, q[c] as number];
      const ofTerms = pc * total * ((relative[c] as number) + extra) + qc * extra;
      own[c] = ofTerms + sharing * size(c) + (smallest / u) * total;
      if (qc === 0) continue;
      const term = -qc * (logP[c] as number);
      rowLoss += term;
      lossError += qc * (loss[c] as number) + term * (plain ? 2 : OPTIONS + classes);
    }
    // A sum of entries has their errors, plus C u of the sum of their magnitudes.
    const summed = (counts: (c: number) => boolean) =>
      own.reduce((sum, error, c) => (counts(c) ? sum + error + classes * size(c) : sum), 0);
    if (kind === "autograd" && rounding.throughMaximum) {
      const maximum = largestValue(logits);
      const ofAll = summed(() => true);
      for (let c = 0; c < classes; c++) if (logits[c] === maximum) own[c] = (own[c] as number) + ofAll;
    }
    if (rounding.balanced && label !== undefined && label in own) own[label] = summed((c) => c !== label);
    for (let c = 0; c < classes; c++) {
      const error = inflated(own[c] as number, u) * share + 4 * FORMATS[computed].smallestNormal;
      own[c] = stored(size(c) * share, error);
    }
    rowLosses[row] = inflated(lossError, u);
    if (options.reduction === "none") rowLosses[row] = stored(rowLoss, rowLosses[row] as number);
    totalLoss += rowLoss;
  }
  if (options.reduction === "none") return { gradient, loss: rowLosses };
  const reduced = reducedLoss(rowLosses, totalLoss, { divisor, u, terms: rows + sharing });
  return { gradient, loss: Float64Array.of(stored(totalLoss / divisor, reduced)) };
}

/** Half a unit in the last place of a number of a format, at most. */
const largestRounding = (id: FormatId, magnitude: number): number =>
  Math.max(magnitude * FORMATS[id].unitRoundoff, FORMATS[id].smallestSubnormal / 2);

/** k u / (1 − k u): the most that k roundings add up to (Higham 2002, lemma 3.1). */
const inflated = (roundoffs: number, u: number): number => (roundoffs * u) / Math.max(1 - roundoffs * u, 0.5);

function reducedLoss(
  rowLosses: Float64Array,
  totalLoss: number,
  { divisor, u, terms }: { divisor: number; u: number; terms: number },
): number {
  const errors = rowLosses.reduce((sum, error) => sum + error, 0);
  return (errors + inflated(terms, u) * totalLoss) / divisor;
}
