import { BLOCK, SCRATCH, exponentials, maximum, minimum, scale, scaleByBoth } from "./block";
import { job } from "./job";
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

/**
 * A thread's scratch: that of `exponentials`, a block of widened logits and one of probabilities, the shift of each block, and in half
 * precision the row's gradient before it is rounded.
 */
export const LOGITS: usize = SCRATCH;
const PROBABILITIES: usize = LOGITS + BLOCK * 4;
const SHIFTS: usize = PROBABILITIES + BLOCK * 4;

// @ts-ignore: decorator
@inline
function unrounded(classes: usize): usize {
  return SHIFTS + (classes / BLOCK + 1) * 8;
}

/** Bytes of scratch that each thread needs; `half`: those of a row of the gradient, too, before it is rounded. */
export function scratchSize(classes: usize, half: bool): usize {
  return (unrounded(classes) + (half ? classes * 4 : 0) + 63) & ~63;
}

// Of the row at hand. Every thread has an instance of this module, and so its own.
let index: usize = 0;
/** The addresses of its logits, gradient and probabilities, 0 for what there is not. */
export let x: usize = 0;
export let gradient: usize = 0;
let probabilities: usize = 0;
/** The address of its gradient as it is computed: in half precision, before it is rounded. */
export let values: usize = 0;
/** Its label, or the number of classes if it has none. */
export let label: usize = 0;
let labelLogit: f64 = 0;
let labelExponential: f64 = 0;
let rowMaximum: f64 = 0;
/** Σ exp(x − rowMaximum), without the label's. */
let sum: f64 = 0;
/** log of the sum with the label's; where every class counts. */
let logSum: f64 = 0;
/** The label's weight, its target q, and Σ q. */
let weight: f64 = 0;
let q: f64 = 0;
let total: f64 = 0;
let loss: f64 = 0;
let upstream: f64 = 0;
/** upstream / (sum · divisor), for exponentials as pairs. */
let quotient: f64 = 0;
/** The address of the shift of the next block. */
let shift: usize = 0;

/** Computes a row's loss, and its gradient if that is wanted. */
export function row<T, S>(at: usize, scratch: usize): void {
  if (!findRow<T, S>(at, scratch + unrounded(job.classes))) {
    ignoreRow<S>();
    return;
  }
  exponentiate<T, S>(label, values, scratch);
  beginLoss<T>();
  if (job.dense) {
    prepareTargets<T, S>(scratch);
    const ofProducts = weighAll<T, S>(scratch);
    addTargets(ofTargets, ofProducts);
  }
  storeLoss();
  if (!gradient) return;
  const factor = factorOfRow();
  shift = scratch + SHIFTS;
  let ofAll: f64 = 0;
  if (job.dense) ofAll = subtractAll<T, S>(factor, shareOfRow(), scratch);
  else scaleAll<T>(factor);
  storeLabelEntry<T>(ofAll);
  if (isHalf<S>()) narrow<S>(values, job.classes, gradient);
}

/** Finds the parts of a row, whose gradient is at `unrounded` before it is rounded. Returns false if its label is the ignored one. */
export function findRow<T, S>(at: usize, unroundedRow: usize): bool {
  const size = job.classes * sizeof<S>();
  index = at;
  x = job.logits + (at % job.logitsRows) * size;
  gradient = job.gradient ? job.gradient + (at % job.gradientRows) * size : 0;
  probabilities = job.probabilities ? job.probabilities + (at % job.probabilitiesRows) * size : 0;
  values = gradient && isHalf<S>() ? unroundedRow : gradient;
  label = job.classes;
  labelLogit = -Infinity;
  if (job.labels) {
    const read = load<i32>(job.labels + at * 4);
    if (job.hasIgnored && read == job.ignored) return false;
    // Checked before; one that has changed since then is none.
    label = min(<usize>read, job.classes);
    if (label < job.classes) labelLogit = loadOne<S>(x + label * sizeof<S>());
  }
  return true;
}

/** Stores the loss and the gradient of a row that does not count. */
export function ignoreRow<S>(): void {
  store<f64>(job.losses + index * 8, 0);
  if (gradient) memory.fill(gradient, 0, job.classes * sizeof<S>());
}

/** Sets the row's maximum and sum, which were computed elsewhere. */
export function setSum(maximumOfRow: f64, sumOfOthers: f64): void {
  rowMaximum = maximumOfRow;
  sum = sumOfOthers;
}

/** Begins the loss with the label's part of it. */
export function beginLoss<T>(): void {
  const labelled = label < job.classes;
  labelExponential = labelled ? exponentialOf(labelLogit) : 0;
  upstream = job.upstream ? <f64>load<T>(job.upstream + index * sizeof<T>()) : 1;
  // Before the sum is taken without another class.
  quotient = job.twoPass ? quotientBySum<T>(upstream, labelExponential, job.divisor) : 0;
  weight = labelled && job.weights ? <f64>load<T>(job.weights + label * sizeof<T>()) : 1;
  q = labelled ? weight * job.keep : 0;
  total = q;
  // An infinite loss of a class of no weight does not count; a NaN does.
  const own = labelled ? lossOf(labelLogit, labelExponential) : 0;
  loss = q == 0 && own == own ? 0 : q * own;
}

/** Prepares `weigh` and `addTargets`, where every class counts. */
export function prepareTargets<T, S>(scratch: usize): void {
  if (job.twoPass) rowMaximum = maximumOf<T, S>(scratch);
  logSum = logSumAboveMaximum<T, S>(scratch);
}

/** Adds all targets to the loss: Σ q, but for what the label adds, and Σ q z. */
export function addTargets(targets: f64, products: f64): void {
  q += weight * job.even;
  total += targets;
  loss += targets * logSum - products;
}

export function storeLoss(): void {
  store<f64>(job.losses + index * 8, loss);
}

/** The factor of exponentials relative to the row's maximum. */
export function factorOfRow(): f64 {
  return job.twoPass ? total * quotient : (total * upstream) / ((sum + labelExponential) * job.divisor);
}

/** The factor of targets. */
export function shareOfRow(): f64 {
  return upstream / job.divisor;
}

/** Stores the label's entry, once the others are there. `ofAll`: where every class counts, the sum of all as if it did not add to its own targets. */
export function storeLabelEntry<T>(ofAll: f64): void {
  if (label == job.classes) return;
  const at = values + label * sizeof<T>();
  const sumOfAll = sum + labelExponential;
  const p = labelExponential / sumOfAll;
  let entry: f64;
  if (job.dense) {
    const others = ofAll - <f64>load<T>(at);
    // Where the other classes have the larger part of the targets, their sum has more rounding errors than p − q.
    const exact = job.exactTarget && q + q >= total;
    entry = exact ? 0 - others : ((p * total - q) * upstream) / job.divisor;
  } else {
    // Below a half, 1 − p does not cancel either, and has fewer roundings than the quotient.
    const others = p < 0.5 ? 1 - p : sum / sumOfAll;
    entry = ((job.exactTarget ? 0 - others : <f64>(<T>(<T>p - 1))) * total * upstream) / job.divisor;
  }
  store<T>(at, <T>(p == p ? entry : p));
}

/**
 * Stores the row's exponentials to `out`, if that is not 0, and sums them, without the one at `omitted`. Afterwards, the scratch has what
 * each block's exponentials are relative to.
 */
function exponentiate<T, S>(omitted: usize, out: usize, scratch: usize): void {
  if (!job.twoPass) {
    exponentiateBelowMaximum<T, S>(omitted, out, scratch);
    return;
  }
  beginRow(0);
  exponentiateAsPairs<T, S>(omitted, out, scratch);
  if (!isInRange<T>()) {
    beginRow(maximumOf<T, S>(scratch));
    exponentiateAsPairs<T, S>(omitted, out, scratch);
  }
  sum = sumOfPairs();
}

function exponentiateBelowMaximum<T, S>(omitted: usize, outOfRow: usize, scratch: usize): void {
  rowMaximum = -Infinity;
  sum = 0;
  shift = scratch + SHIFTS;
  for (let done: usize = 0; done < job.classes; done += BLOCK) {
    const length = min(BLOCK, job.classes - done);
    const stored = x + done * sizeof<S>();
    const logits = isHalf<S>() ? scratch + LOGITS : stored;
    const largest = maximum<T, S>(stored, length, logits);
    if (largest > rowMaximum) {
      if (sum != 0) sum *= Math.exp(rowMaximum - largest);
      rowMaximum = largest;
    }
    store<f64>(shift, rowMaximum);
    shift += 8;
    const out = outOfRow ? outOfRow + done * sizeof<T>() : scratch;
    // Where all so far are masked, −∞ − (−∞) would be NaN.
    const by = rowMaximum == -Infinity ? 0 : rowMaximum;
    // Where the omitted one is in another block, the difference is no less than the length, also modulo 2^32.
    sum += exponentials<T>(logits, length, omitted - done, out, by, minimum, scratch);
  }
}

/** Ends early where the row turns out to need an anchor. */
function exponentiateAsPairs<T, S>(omitted: usize, outOfRow: usize, scratch: usize): void {
  shift = scratch + SHIFTS;
  for (let done: usize = 0; done < job.classes && isBelowHighest<T>(); done += BLOCK) {
    const length = min(BLOCK, job.classes - done);
    const logits = widen<S>(x + done * sizeof<S>(), length, scratch + LOGITS);
    const out = outOfRow ? outOfRow + done * sizeof<T>() : scratch;
    store<f64>(shift, pairs<T>(logits, length, omitted - done, out, scratch));
    shift += 8;
  }
}

/** The row's largest logit, NaN ignored. */
function maximumOf<T, S>(scratch: usize): f64 {
  let result = -Infinity;
  for (let done: usize = 0; done < job.classes; done += BLOCK) {
    const length = min(BLOCK, job.classes - done);
    result = max(result, maximum<T, S>(x + done * sizeof<S>(), length, scratch + LOGITS));
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
    const z = logit - rowMaximum;
    return (z == 0 ? Math.log1p(sum) : Math.log(sum + exponential)) - z;
  }
  // The quotient is finite, and its terms have all their digits.
  return exponential > 1e-200 ? Math.log1p(sum / exponential) : logSumAbove(logit);
}

/** log Σ exp(x − rowMaximum), without cancellation where one class has most of it. */
function logSumAboveMaximum<T, S>(scratch: usize): f64 {
  if (labelLogit == rowMaximum) return Math.log1p(sum / labelExponential);
  const sumOfAll = sum + labelExponential;
  const largest = exponentialOf(rowMaximum);
  if (!(sumOfAll < 2 * largest)) return Math.log(sumOfAll / largest);
  let at: usize = 0;
  while (at < job.classes && loadOne<S>(x + at * sizeof<S>()) != rowMaximum) at++;
  const before = sum;
  exponentiate<T, S>(at, 0, scratch);
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

/** factor · exp(own − maximum). */
export function factorBelow(factor: f64, own: f64, maximumOfRow: f64): f64 {
  return own == maximumOfRow && own != -Infinity ? factor : factor * Math.exp(own - maximumOfRow);
}

/**
 * The factor of a block, which is scaled already as far as is needed for the rest to be a normal number: a subnormal one lacks digits.
 * Below that range by 2^128, the products are 0.
 */
export function normalFactor<T>(values: usize, count: usize, factor: f64): f64 {
  const least = sizeof<T>() == 8 ? 2.2250738585072014e-308 : 1.1754943508222875e-38;
  let result = factor;
  while (Math.abs(result) < least && Math.abs(result) > least * 2.938735877055719e-39) {
    scale<T>(values, count, 5.421010862427522e-20);
    result *= 18446744073709551616.0;
  }
  return result;
}

function scaleAll<T>(factor: f64): void {
  for (let done: usize = 0; done < job.classes; done += BLOCK) {
    const block = values + done * sizeof<T>();
    const length = min(BLOCK, job.classes - done);
    const own = normalFactor<T>(block, length, factorOfBlock(factor));
    if (sizeof<T>() == 8 && job.twoPass) scaleByBoth<T>(block, length, own, own * restOfQuotient);
    else scale<T>(block, length, own);
  }
}

/** Σ q of the row, but for what the label adds. */
let ofTargets: f64 = 0;

/** Sums q into `ofTargets`; returns Σ q z. */
function weighAll<T, S>(scratch: usize): f64 {
  let ofProducts: f64 = 0;
  ofTargets = 0;
  for (let done: usize = 0; done < job.classes; done += BLOCK) {
    weighBlock<T, S>(done, min(BLOCK, job.classes - done), rowMaximum, scratch);
    ofTargets += sumOfTargets;
    ofProducts += sumOfProducts;
  }
  return ofProducts;
}

/** Has `weigh` sum q and q z of the `length` classes from `done` on. */
export function weighBlock<T, S>(done: usize, length: usize, maximumOfRow: f64, scratch: usize): void {
  weigh<T>(
    widen<S>(x + done * sizeof<S>(), length, scratch + LOGITS),
    length,
    job.weights ? job.weights + done * sizeof<T>() : 0,
    targetsOf<S>(done, length, scratch),
    job.keep,
    job.even,
    maximumOfRow,
  );
}

/** The probabilities of the `length` classes from `done` on, widened; 0 if there are none. */
function targetsOf<S>(done: usize, length: usize, scratch: usize): usize {
  return probabilities ? widen<S>(probabilities + done * sizeof<S>(), length, scratch + PROBABILITIES) : 0;
}

/** Turns the row's exponentials into the gradient, as if the label did not add to its own targets; returns its sum. */
function subtractAll<T, S>(factor: f64, share: f64, scratch: usize): f64 {
  let result: f64 = 0;
  for (let done: usize = 0; done < job.classes; done += BLOCK) {
    const length = min(BLOCK, job.classes - done);
    result += subtractBlock<T, S>(done, length, factorOfBlock(factor), share, scratch);
  }
  return result;
}

/** The same for the `length` classes from `done` on. */
export function subtractBlock<T, S>(done: usize, length: usize, factor: f64, share: f64, scratch: usize): f64 {
  const block = values + done * sizeof<T>();
  return subtract<T>(
    block,
    length,
    job.weights ? job.weights + done * sizeof<T>() : 0,
    targetsOf<S>(done, length, scratch),
    job.keep,
    job.even,
    normalFactor<T>(block, length, factor),
    share,
  );
}
