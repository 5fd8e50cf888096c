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
 * The label's exponential is left out of the sum: minus the others' sum is its entry of the gradient, without cancellation.
 */

// Of the row at hand. Every thread has an instance of this module, and so its own.
let rowMaximum: f64 = 0;
/** Σ exp(x − rowMaximum), without the label's. */
let sum: f64 = 0;
/** The address of the shift of the next block. */
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

  rowMaximum = -Infinity;
  sum = 0;
  shift = shifts;
  exponentiate<T>(x, label, gradient, scratch);

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
    const ofAll = subtractAll<T>(gradient, probabilities, factor, share);
    const others = labelled ? ofAll - <f64>load<T>(gradient + label * size) : 0;
    // Where the other classes have the larger part of the targets, their sum has more rounding errors than p − q.
    const exact = job.exactTarget && q + q >= total;
    entry = exact ? 0 - others : ((p * total - q) * upstream) / job.divisor;
  } else {
    scaleAll<T>(gradient, factor);
    // Below a half, 1 − p does not cancel either, and has fewer roundings than the quotient.
    const others = p < 0.5 ? 1 - p : sum / sumOfAll;
    entry = ((job.exactTarget ? 0 - others : <f64>(<T>(<T>p - 1))) * total * upstream) / job.divisor;
  }
  if (labelled) store<T>(gradient + label * size, <T>(p == p ? entry : p));
}

/** To the gradient, if there is one. */
function exponentiate<T>(x: usize, label: usize, gradient: usize, scratch: usize): void {
  for (let done: usize = 0; done < job.classes; done += BLOCK) {
    const offset = done * sizeof<T>();
    const length = min(BLOCK, job.classes - done);
    const largest = maximum<T>(x + offset, length);
    if (largest > rowMaximum) {
      if (sum != 0) sum *= Math.exp(rowMaximum - largest);
      rowMaximum = largest;
    }
    store<f64>(shift, rowMaximum);
    shift += 8;
    const out = gradient ? gradient + offset : scratch;
    // Where all so far are masked, −∞ − (−∞) would be NaN.
    const by = rowMaximum == -Infinity ? 0 : rowMaximum;
    // Where the label is in another block, the difference is no less than the length, also modulo 2^32.
    sum += exponentials<T>(x + offset, length, label - done, out, by, scratch);
  }
}

/** factor · exp(shift − maximum), for the next block. */
function factorOfBlock(factor: f64): f64 {
  const own = load<f64>(shift);
  shift += 8;
  return own == rowMaximum && own != -Infinity ? factor : factor * Math.exp(own - rowMaximum);
}

function scaleAll<T>(gradient: usize, factor: f64): void {
  for (let done: usize = 0; done < job.classes; done += BLOCK) {
    scale<T>(gradient + done * sizeof<T>(), min(BLOCK, job.classes - done), factorOfBlock(factor));
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

/** The gradient, as if the label did not add to its own targets; returns its sum. */
function subtractAll<T>(gradient: usize, probabilities: usize, factor: f64, share: f64): f64 {
  let result: f64 = 0;
  for (let done: usize = 0; done < job.classes; done += BLOCK) {
    const offset = done * sizeof<T>();
    result += subtract<T>(
      gradient + offset,
      min(BLOCK, job.classes - done),
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
