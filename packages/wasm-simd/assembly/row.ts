import { BLOCK, exponentials, factorBelow, maximum, minimum, normalFactor, scale, scaleByBoth } from "./block";
import { FLOAT64, GRADIENT, job } from "./job";
import {
  beginRow,
  factorOfReference,
  isBelowHighest,
  isInRange,
  logSumAbove,
  pairOf,
  pairs,
  quotientBySum,
  restOfQuotient,
  sumOfPairs,
} from "./pairs";
import { LOGITS, PROBABILITIES, SHIFTS, unrounded } from "./scratch";
import { isHalf, loadOne, narrow, widen } from "./storage";
import { subtract, sumOfProducts, sumOfTargets, weigh } from "./targets";

/**
 * One row: its loss, and its gradient while it is in cache.
 *
 * A block at a time: its maximum, then its exponentials, shifted by the largest logit so far, stored to the gradient. What was
 * summed before a new maximum is scaled down (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018).
 * A second pass over the gradient scales every block from its own shift to the row's. So memory is read once and written once
 * where a row fits the cache, and once more where it does not; no logit is exponentiated twice.
 *
 * The label's exponential is left out of the sum: minus the others' sum is its entry of the gradient, without cancellation.
 *
 * T is the type that is computed with, S the type that matrices are stored in: another one in half precision.
 */

// Of the row at hand. Every thread has an instance of this module, and so its own.
let rowMaximum: f64 = 0;
/** Σ exp(x − rowMaximum), without the label's. */
let sum: f64 = 0;
/** The address of the shift of the next block. */
let shift: usize = 0;

/**
 * Computes a row. Of one that is split, threads have computed the blocks: the loss is computed after EXPONENTIALS, and the label's entry
 * of the gradient after GRADIENT.
 */
export function row<T, S>(index: usize, scratch: usize): void {
  const classes = job.classes;
  const size = sizeof<S>();
  const x = job.logits + (index % job.logitsRows) * classes * size;
  const gradient = job.gradient ? job.gradient + (index % job.gradientRows) * classes * size : 0;
  const probabilities = job.probabilities
    ? job.probabilities + (index % job.probabilitiesRows) * classes * size
    : 0;
  const shifts = scratch + SHIFTS;
  const values = gradient && isHalf<S>() ? scratch + unrounded(classes) : gradient;
  const isSplit = !isHalf<S>() && job.split != 0;

  let label = classes;
  let labelLogit = -Infinity;
  if (job.labels) {
    const read = load<i32>(job.labels + index * 4);
    if (job.hasIgnored && read == job.ignored) {
      store<f64>(job.losses + index * 8, 0);
      if (gradient) memory.fill(gradient, 0, classes * size);
      return;
    }
    // Checked before; one that has changed since then is none.
    label = min(<usize>read, classes);
    if (label < classes) labelLogit = loadOne<S>(x + label * size);
  }
  const labelled = label < classes;

  // Has the loss already.
  const isLast = isSplit && job.part == GRADIENT;
  if (isSplit) {
    rowMaximum = job.rowMaximum;
    sum = job.sum;
  } else exponentiate<T, S>(x, label, values, scratch);
  const labelExponential = labelled ? exponentialOf(labelLogit) : 0;
  const sumOfAll = sum + labelExponential;
  const upstream = job.upstream ? <f64>load<T>(job.upstream + index * sizeof<T>()) : 1;
  // Before the sum is taken without another class.
  const quotient = job.twoPass ? quotientBySum<T>(upstream, labelExponential, job.divisor) : 0;

  const weight = labelled && job.weights ? <f64>load<T>(job.weights + label * sizeof<T>()) : 1;
  let q = labelled ? weight * job.keep : 0;
  let total = q;
  // An infinite loss of a class of no weight does not count; a NaN does.
  const own = labelled ? lossOf(labelLogit, labelExponential) : 0;
  let loss = q == 0 && own == own ? 0 : q * own;
  if (job.dense) {
    if (job.twoPass) rowMaximum = maximumOf<T, S>(x, scratch);
    const logSum = isLast ? 0 : logSumAboveMaximum<T, S>(x, labelLogit, labelExponential, scratch);
    let ofProducts: f64;
    if (isSplit) {
      ofTargets = job.ofTargets;
      ofProducts = job.ofProducts;
    } else ofProducts = weighAll<T, S>(x, probabilities, scratch);
    q += weight * job.even;
    total += ofTargets;
    loss += ofTargets * logSum - ofProducts;
  }
  if (!isLast) store<f64>(job.losses + index * 8, loss);
  if (!gradient) return;

  const factor = job.twoPass ? total * quotient : (total * upstream) / (sumOfAll * job.divisor);
  if (isSplit && !isLast) {
    job.factor = factor;
    job.share = upstream / job.divisor;
    return;
  }
  const p = labelExponential / sumOfAll;
  shift = shifts;
  let entry: f64;
  if (job.dense) {
    const share = upstream / job.divisor;
    const ofAll = isSplit ? job.ofGradient : subtractAll<T, S>(values, probabilities, factor, share, scratch);
    const others = labelled ? ofAll - <f64>load<T>(values + label * sizeof<T>()) : 0;
    // Where the other classes have the larger part of the targets, their sum has more rounding errors than p − q.
    const exact = job.exactTarget && q + q >= total;
    entry = exact ? 0 - others : ((p * total - q) * upstream) / job.divisor;
  } else {
    if (!isSplit) scaleAll<T>(values, factor);
    entry = (labelEntry<T>(p, sum, sumOfAll) * total * upstream) / job.divisor;
  }
  if (labelled) store<T>(values + label * sizeof<T>(), <T>(p == p ? entry : p));
  if (isHalf<S>()) narrow<S>(values, classes, gradient);
}

/** Bytes of the longest rows that are faster two at a time: of longer ones that come from memory, one is read while another is computed. */
const SHORT: usize = 1024;

/** True if `twoRows` computes rows of the job: short ones with labels and a gradient, without options of the loss. */
export function takesTwoRows(): bool {
  if (job.classes * (job.dtype == FLOAT64 ? 8 : 4) > SHORT) return false;
  if (job.dense || job.twoPass || job.hasIgnored || job.weights || job.upstream) return false;
  return job.labels != 0 && job.gradient != 0;
}

/**
 * Computes two rows, one step of both after the other, as their operations do not wait for each other; or neither, and returns false, if one
 * has no label, or no logit above −∞. The same as `row`, bit by bit.
 */
export function twoRows<T>(index: usize, scratch: usize): bool {
  const classes = job.classes;
  const size = classes * sizeof<T>();
  const label = <usize>load<i32>(job.labels + index * 4);
  const label2 = <usize>load<i32>(job.labels + index * 4, 4);
  if (max(label, label2) >= classes) return false;
  const x = job.logits + (index % job.logitsRows) * size;
  const x2 = job.logits + ((index + 1) % job.logitsRows) * size;
  const gradient = job.gradient + (index % job.gradientRows) * size;
  const gradient2 = job.gradient + ((index + 1) % job.gradientRows) * size;
  const logit = <f64>load<T>(x + label * sizeof<T>());
  const logit2 = <f64>load<T>(x2 + label2 * sizeof<T>());

  const largest = maximum<T, T>(x, classes, x, scratch);
  const least = minimum;
  const largest2 = maximum<T, T>(x2, classes, x2, scratch);
  if (min(largest, largest2) == -Infinity) return false;
  const others = exponentials<T>(x, classes, label, gradient, largest, least, scratch);
  const others2 = exponentials<T>(x2, classes, label2, gradient2, largest2, minimum, scratch);

  const own = Math.exp(logit - largest);
  const own2 = Math.exp(logit2 - largest2);
  const all = others + own;
  const all2 = others2 + own2;
  scale<T>(gradient, classes, normalFactor<T>(gradient, classes, 1 / (all * job.divisor)));
  scale<T>(gradient2, classes, normalFactor<T>(gradient2, classes, 1 / (all2 * job.divisor)));

  const p = own / all;
  const p2 = own2 / all2;
  const entry = labelEntry<T>(p, others, all) / job.divisor;
  const entry2 = labelEntry<T>(p2, others2, all2) / job.divisor;
  store<T>(gradient + label * sizeof<T>(), <T>(p == p ? entry : p));
  store<T>(gradient2 + label2 * sizeof<T>(), <T>(p2 == p2 ? entry2 : p2));
  store<f64>(job.losses + index * 8, lossBelowMaximum(logit - largest, others, own));
  store<f64>(job.losses + index * 8, lossBelowMaximum(logit2 - largest2, others2, own2), 8);
  return true;
}

/**
 * Stores the exponentials to the gradient, if there is one, and sums them, without the label's. Afterwards, `shifts` has what each
 * block's exponentials are relative to.
 */
function exponentiate<T, S>(x: usize, label: usize, gradient: usize, scratch: usize): void {
  if (!job.twoPass) {
    exponentiateBelowMaximum<T, S>(x, label, gradient, scratch);
    return;
  }
  beginRow(0);
  exponentiateAsPairs<T, S>(x, label, gradient, scratch);
  if (!isInRange<T>()) {
    beginRow(maximumOf<T, S>(x, scratch));
    exponentiateAsPairs<T, S>(x, label, gradient, scratch);
  }
  sum = sumOfPairs();
}

function exponentiateBelowMaximum<T, S>(x: usize, label: usize, gradient: usize, scratch: usize): void {
  rowMaximum = -Infinity;
  sum = 0;
  shift = scratch + SHIFTS;
  for (let done: usize = 0; done < job.classes; done += BLOCK) {
    const length = min(BLOCK, job.classes - done);
    const stored = x + done * sizeof<S>();
    const logits = isHalf<S>() ? scratch + LOGITS : stored;
    const largest = maximum<T, S>(stored, length, logits, scratch);
    if (largest > rowMaximum) {
      if (sum != 0) sum *= Math.exp(rowMaximum - largest);
      rowMaximum = largest;
    }
    store<f64>(shift, rowMaximum);
    shift += 8;
    const out = gradient ? gradient + done * sizeof<T>() : scratch;
    // Where all so far are masked, −∞ − (−∞) would be NaN.
    const by = rowMaximum == -Infinity ? 0 : rowMaximum;
    // Where the label is in another block, the difference is no less than the length, also modulo 2^32.
    sum += exponentials<T>(logits, length, label - done, out, by, minimum, scratch);
  }
}

/** Ends early where the row turns out to need an anchor. */
function exponentiateAsPairs<T, S>(x: usize, label: usize, gradient: usize, scratch: usize): void {
  shift = scratch + SHIFTS;
  for (let done: usize = 0; done < job.classes && isBelowHighest<T>(); done += BLOCK) {
    const length = min(BLOCK, job.classes - done);
    const logits = widen<S>(x + done * sizeof<S>(), length, scratch + LOGITS);
    const out = gradient ? gradient + done * sizeof<T>() : scratch;
    store<f64>(shift, pairs<T>(logits, length, label - done, out, scratch));
    shift += 8;
  }
}

/** The row's largest logit, NaN ignored. */
function maximumOf<T, S>(x: usize, scratch: usize): f64 {
  let result = -Infinity;
  for (let done: usize = 0; done < job.classes; done += BLOCK) {
    const length = min(BLOCK, job.classes - done);
    result = max(result, maximum<T, S>(x + done * sizeof<S>(), length, scratch + LOGITS, scratch));
  }
  return result;
}

/** The exponential of a logit, relative to what the sum is relative to. */
function exponentialOf(logit: f64): f64 {
  return job.twoPass ? pairOf(logit) : Math.exp(logit - rowMaximum);
}

/** −log p of a label, without cancellation. */
function lossOf(logit: f64, exponential: f64): f64 {
  if (!job.twoPass) {
    return lossBelowMaximum(logit - rowMaximum, sum, exponential);
  }
  // The quotient is finite, and its terms have all their digits.
  return exponential > 1e-200 ? Math.log1p(sum / exponential) : logSumAbove(logit);
}

/** −log p of a label whose logit is z above the row's maximum, from the sum of the other classes' exponentials and its own. */
// @ts-ignore: decorator
@inline
function lossBelowMaximum(z: f64, others: f64, own: f64): f64 {
  return (z == 0 ? Math.log1p(others) : Math.log(others + own)) - z;
}

/** p − 1 of a label, from the sum of the other classes' exponentials and of all. */
// @ts-ignore: decorator
@inline
function labelEntry<T>(p: f64, others: f64, all: f64): f64 {
  if (!job.exactTarget) return <f64>(<T>(<T>p - 1));
  // Below a half, 1 − p does not cancel either, and has fewer roundings than the quotient.
  return 0 - (p < 0.5 ? 1 - p : others / all);
}

/** log Σ exp(x − rowMaximum), without cancellation where one class has most of it. */
function logSumAboveMaximum<T, S>(x: usize, labelLogit: f64, labelExponential: f64, scratch: usize): f64 {
  if (labelLogit == rowMaximum) return Math.log1p(sum / labelExponential);
  const sumOfAll = sum + labelExponential;
  const largest = exponentialOf(rowMaximum);
  if (!(sumOfAll < 2 * largest)) return Math.log(sumOfAll / largest);
  let at: usize = 0;
  while (at < job.classes && loadOne<S>(x + at * sizeof<S>()) != rowMaximum) at++;
  const before = sum;
  exponentiate<T, S>(x, at, 0, scratch);
  const others = sum;
  sum = before;
  return Math.log1p(others / largest);
}

/** factor · exp(shift − maximum), or factor · 2^(its reference − the row's), for the next block. */
function factorOfBlock(factor: f64): f64 {
  const own = load<f64>(shift);
  shift += 8;
  return job.twoPass ? factor * factorOfReference(own) : factorBelow(factor, own, rowMaximum);
}

function scaleAll<T>(gradient: usize, factor: f64): void {
  for (let done: usize = 0; done < job.classes; done += BLOCK) {
    const values = gradient + done * sizeof<T>();
    const length = min(BLOCK, job.classes - done);
    const own = normalFactor<T>(values, length, factorOfBlock(factor));
    if (sizeof<T>() == 8 && job.twoPass) scaleByBoth<T>(values, length, own, own * restOfQuotient);
    else scale<T>(values, length, own);
  }
}

/** Σ q of the row, but for what the label adds. */
let ofTargets: f64 = 0;

/** Sums q into `ofTargets`; returns Σ q z. */
function weighAll<T, S>(x: usize, probabilities: usize, scratch: usize): f64 {
  let ofProducts: f64 = 0;
  ofTargets = 0;
  for (let done: usize = 0; done < job.classes; done += BLOCK) {
    const length = min(BLOCK, job.classes - done);
    weigh<T>(
      widen<S>(x + done * sizeof<S>(), length, scratch + LOGITS),
      length,
      job.weights ? job.weights + done * sizeof<T>() : 0,
      targetsOf<S>(probabilities, done, length, scratch),
      job.keep,
      job.even,
      rowMaximum,
    );
    ofTargets += sumOfTargets;
    ofProducts += sumOfProducts;
  }
  return ofProducts;
}

/** The probabilities of the block that begins at `done`, widened; 0 if there are none. */
function targetsOf<S>(probabilities: usize, done: usize, length: usize, scratch: usize): usize {
  return probabilities ? widen<S>(probabilities + done * sizeof<S>(), length, scratch + PROBABILITIES) : 0;
}

/** The gradient, as if the label did not add to its own targets; returns its sum. */
function subtractAll<T, S>(
  gradient: usize,
  probabilities: usize,
  factor: f64,
  share: f64,
  scratch: usize,
): f64 {
  let result: f64 = 0;
  for (let done: usize = 0; done < job.classes; done += BLOCK) {
    const values = gradient + done * sizeof<T>();
    const length = min(BLOCK, job.classes - done);
    result += subtract<T>(
      values,
      length,
      job.weights ? job.weights + done * sizeof<T>() : 0,
      targetsOf<S>(probabilities, done, length, scratch),
      job.keep,
      job.even,
      normalFactor<T>(values, length, factorOfBlock(factor)),
      share,
    );
  }
  return result;
}
