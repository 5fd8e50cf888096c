import { BLOCK, SCRATCH, exponentials, maximum, scale } from "./block";
import { job } from "./job";
import { subtract, sumOfProducts, sumOfTargets, weigh } from "./targets";

/**
 * One row: its loss, and its gradient while it is in cache.
 *
 * A block at a time: its maximum, then its exponentials, shifted by the largest logit so far, stored to the gradient. What was
 * summed before a new maximum is scaled down (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018).
 * A second pass over the gradient scales every block from its own shift to the row's. So memory is read once and written once
 * where a row fits the cache, and once more where it does not; no logit is exponentiated twice.
 *
 * The label's exponential is kept apart: minus the sum of the others is its entry of the gradient, without cancellation.
 */

// Of the row at hand. Every thread has an instance of this module, and so its own.
let rowMaximum: f64 = 0;
/** Σ exp(x − rowMaximum), without the label's. */
let sum: f64 = 0;
/** Where the shift of the next block goes, or comes from. */
let shift: usize = 0;

export function row<T>(index: usize, scratch: usize): void {
  const classes = job.classes;
  const size = sizeof<T>();
  const x = job.logits + (index % job.logitsRows) * classes * size;
  const gradient = job.gradient ? job.gradient + (index % job.gradientRows) * classes * size : 0;
  const probabilities = job.probabilities
    ? job.probabilities + (index % job.probabilitiesRows) * classes * size
    : 0;
  const shifts = scratch + SCRATCH;

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
    if (label < classes) labelLogit = <f64>load<T>(x + label * size);
  }
  const labelled = label < classes;
  // The label's place, or the row's end: what is before, and how many are behind.
  const behind = labelled ? classes - label - 1 : 0;

  rowMaximum = labelLogit;
  sum = 0;
  shift = shifts;
  const out = gradient ? gradient : scratch;
  const stride: usize = gradient ? size : 0;
  exponentiate<T>(x, label, out, stride, scratch);
  exponentiate<T>(x + (label + 1) * size, behind, out + (label + 1) * stride, stride, scratch);

  const z = labelLogit - rowMaximum;
  const labelExponential = labelled ? Math.exp(z) : 0;
  const sumOfAll = sum + labelExponential;
  const logSum = labelled && z == 0 ? Math.log1p(sum) : Math.log(sumOfAll);
  const upstream = job.upstream ? <f64>load<T>(job.upstream + index * size) : 1;

  const weight = labelled && job.weights ? <f64>load<T>(job.weights + label * size) : 1;
  let q = labelled ? weight * job.keep : 0;
  let total = q;
  // An infinite loss of a class of no weight does not count; a NaN does.
  const own = logSum - z;
  let loss = q == 0 && own == own ? 0 : q * own;
  if (job.dense) {
    const ofProducts = weighAll<T>(x, probabilities);
    q += weight * job.even;
    total += ofTargets;
    loss += ofTargets * logSum - ofProducts;
  }
  store<f64>(job.losses + index * 8, loss);
  if (!gradient) return;

  const factor = (total * upstream) / (sumOfAll * job.divisor);
  const p = labelExponential / sumOfAll;
  shift = shifts;
  let entry: f64;
  if (job.dense) {
    const share = upstream / job.divisor;
    const before = subtractAll<T>(gradient, 0, label, probabilities, factor, share);
    const others = before + subtractAll<T>(gradient, label + 1, behind, probabilities, factor, share);
    // Where the other classes have the larger part of the targets, their sum has more rounding errors than p − q.
    const exact = job.exactTarget && q + q >= total;
    entry = exact ? 0 - others : ((p * total - q) * upstream) / job.divisor;
  } else {
    scaleAll<T>(gradient, label, factor);
    scaleAll<T>(gradient + (label + 1) * size, behind, factor);
    // Below a half, 1 − p does not cancel either, and has fewer roundings than the quotient.
    const others = p < 0.5 ? 1 - p : sum / sumOfAll;
    entry = ((job.exactTarget ? 0 - others : <f64>(<T>(<T>p - 1))) * total * upstream) / job.divisor;
  }
  if (labelled) store<T>(gradient + label * size, <T>(p == p ? entry : p));
}

function exponentiate<T>(x: usize, count: usize, out: usize, stride: usize, scratch: usize): void {
  for (let done: usize = 0; done < count; done += BLOCK) {
    const length = min(BLOCK, count - done);
    const from = x + done * sizeof<T>();
    const largest = maximum<T>(from, length);
    if (largest > rowMaximum) {
      sum *= Math.exp(rowMaximum - largest);
      rowMaximum = largest;
    }
    store<f64>(shift, rowMaximum);
    shift += 8;
    // Where all so far are masked, −∞ − (−∞) would be NaN.
    sum += exponentials<T>(from, length, out + done * stride, rowMaximum == -Infinity ? 0 : rowMaximum, scratch);
  }
}

/** factor · exp(shift − maximum), for the next block. */
function factorOfBlock(factor: f64): f64 {
  const own = load<f64>(shift);
  shift += 8;
  return own == rowMaximum && own != -Infinity ? factor : factor * Math.exp(own - rowMaximum);
}

function scaleAll<T>(out: usize, count: usize, factor: f64): void {
  for (let done: usize = 0; done < count; done += BLOCK) {
    scale<T>(out + done * sizeof<T>(), min(BLOCK, count - done), factorOfBlock(factor));
  }
}

/** Σ q of the row, but for what the label adds. */
let ofTargets: f64 = 0;

/** Sums q into `ofTargets`; returns Σ q z. */
function weighAll<T>(x: usize, probabilities: usize): f64 {
  let ofProducts: f64 = 0;
  ofTargets = 0;
  for (let done: usize = 0; done < job.classes; done += BLOCK) {
    const offset = done * sizeof<T>();
    weigh<T>(
      x + offset,
      min(BLOCK, job.classes - done),
      job.weights ? job.weights + offset : 0,
      probabilities ? probabilities + offset : 0,
      job.keep,
      job.even,
      rowMaximum,
    );
    ofTargets += sumOfTargets;
    ofProducts += sumOfProducts;
  }
  return ofProducts;
}

/** The gradients of `count` classes from `first` on; returns their sum. */
function subtractAll<T>(
  gradient: usize,
  first: usize,
  count: usize,
  probabilities: usize,
  factor: f64,
  share: f64,
): f64 {
  let result: f64 = 0;
  for (let done: usize = 0; done < count; done += BLOCK) {
    const offset = (first + done) * sizeof<T>();
    result += subtract<T>(
      gradient + offset,
      min(BLOCK, count - done),
      job.weights ? job.weights + offset : 0,
      probabilities ? probabilities + offset : 0,
      job.keep,
      job.even,
      factorOfBlock(factor),
      share,
    );
  }
  return result;
}
