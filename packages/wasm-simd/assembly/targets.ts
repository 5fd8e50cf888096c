import { job } from "./job";
import { firstLanes, loadSome, splat, storeSome, total } from "./vector";

/**
 * Loops over a block of a row in which every class counts: q_c = w_c (t_c · keep + even), where w are class weights and t
 * probabilities (a pointer of 0: all are 1, or all are 0).
 */

// @ts-ignore: decorator
@inline
function targetsAt<T>(weights: usize, probabilities: usize, keep: v128, even: v128): v128 {
  const q = probabilities ? v128.add<T>(v128.mul<T>(v128.load(probabilities), keep), even) : even;
  return weights ? v128.mul<T>(v128.load(weights), q) : q;
}

function someTargetsAt<T>(weights: usize, probabilities: usize, keep: v128, even: v128, count: usize): v128 {
  const zero = splat<T>(0);
  let q = even;
  if (probabilities) q = v128.add<T>(v128.mul<T>(loadSome<T>(probabilities, count, zero), keep), q);
  return weights ? v128.mul<T>(loadSome<T>(weights, count, zero), q) : q;
}

/** Σ q of the last call of `weigh`, and Σ q z. */
export let sumOfTargets: f64 = 0;
export let sumOfProducts: f64 = 0;

/** All ones in a lane whose probabilities are not all finite numbers of 0 or more. */
// @ts-ignore: decorator
@inline
function improper<T>(probabilities: v128): v128 {
  const proper = v128.and(
    v128.ge<T>(probabilities, splat<T>(0)),
    v128.lt<T>(probabilities, splat<T>(Infinity)),
  );
  return v128.not(proper);
}

/**
 * Sums q and q z, where z = x − maximum. A class that does not count adds nothing, even if it is masked (−Infinity). The job
 * says so if a probability is none.
 */
export function weigh<T>(x: usize, count: usize, w: usize, t: usize, keep: f64, even: f64, maximum: f64): void {
  const m = splat<T>(maximum);
  const k = splat<T>(keep);
  const s = splat<T>(even);
  const zero = splat<T>(0);
  let ofTargets = zero;
  let ofProducts = zero;
  let wrong = zero;
  const step: usize = 16;
  const end = x + count * sizeof<T>();
  for (; x + step <= end; x += step) {
    if (t) wrong = v128.or(wrong, improper<T>(v128.load(t)));
    const q = targetsAt<T>(w, t, k, s);
    const z = v128.sub<T>(v128.load(x), m);
    ofTargets = v128.add<T>(ofTargets, q);
    ofProducts = v128.add<T>(ofProducts, v128.and(v128.mul<T>(q, z), v128.ne<T>(q, zero)));
    if (w) w += step;
    if (t) t += step;
  }
  sumOfTargets = total<T>(ofTargets);
  sumOfProducts = total<T>(ofProducts);
  if (x < end) {
    const rest = (end - x) / sizeof<T>();
    if (t) wrong = v128.or(wrong, improper<T>(loadSome<T>(t, rest, zero)));
    const q = firstLanes<T>(someTargetsAt<T>(w, t, k, s, rest), rest);
    const z = v128.sub<T>(loadSome<T>(x, rest, m), m);
    sumOfTargets += total<T>(q);
    sumOfProducts += total<T>(v128.and(v128.mul<T>(q, z), v128.ne<T>(q, zero)));
  }
  if (v128.any_true(wrong)) job.isImproper = true;
}

/** Turns exponentials e into e · factor − q · share, in place; returns their sum. */
export function subtract<T>(
  out: usize,
  count: usize,
  w: usize,
  t: usize,
  keep: f64,
  even: f64,
  factor: f64,
  share: f64,
): f64 {
  const f = splat<T>(factor);
  const h = splat<T>(share);
  const k = splat<T>(keep);
  const s = splat<T>(even);
  let sum = splat<T>(0);
  const step: usize = 16;
  const end = out + count * sizeof<T>();
  for (; out + step <= end; out += step) {
    const q = targetsAt<T>(w, t, k, s);
    const g = v128.sub<T>(v128.mul<T>(v128.load(out), f), v128.mul<T>(q, h));
    v128.store(out, g);
    sum = v128.add<T>(sum, g);
    if (w) w += step;
    if (t) t += step;
  }
  let result = total<T>(sum);
  if (out < end) {
    const rest = (end - out) / sizeof<T>();
    const q = someTargetsAt<T>(w, t, k, s, rest);
    const g = v128.sub<T>(v128.mul<T>(loadSome<T>(out, rest, f), f), v128.mul<T>(q, h));
    storeSome<T>(out, rest, g);
    result += total<T>(firstLanes<T>(g, rest));
  }
  return result;
}
