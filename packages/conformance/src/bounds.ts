import type { FloatDType } from "@softmax-bench/core";
import type { Case } from "./cases.js";

/** Unit roundoff: half the distance from 1 to the next number. */
const UNIT_ROUNDOFF: Readonly<Record<FloatDType, number>> = { float32: 2 ** -24, float64: 2 ** -53 };

/**
 * Formulations that go through a function of the library, which may subtract log Σ exp(x) from the logits as
 * they are. That rounds at the size of the logits, not of their differences.
 */
const THROUGH_LIBRARY: ReadonlySet<string> = new Set(["library", "log-softmax"]);

/**
 * First-order bounds on absolute errors, with u the unit roundoff:
 *
 * - A probability is a quotient of an exponential and a sum of C of them. The sum contributes at most C·u
 *   (recursive summation: Higham, Accuracy and Stability of Numerical Algorithms, §4.2), doubled where
 *   the gradient passes the same sum backwards, and again through the maximum; argument reduction adds |z|·e^z·u ≤ 0.37·u; the exponential,
 *   logarithm and divisions a few u, for which 16 stands.
 * - The loss is log of the sum minus the shifted target logit, each rounded at its own size.
 * - Through a library, the largest logit counts as well.
 *
 * @param precision the dtype whose roundoff the backend's exponentials and logarithms reach
 */
export function errorBounds(formulation: string, precision: FloatDType, { classes, logits }: Case) {
  const u = UNIT_ROUNDOFF[precision];
  const largest = Math.max(...logits.map(Math.abs));
  const span = Math.max(...logits) - Math.min(...logits);
  const library = THROUGH_LIBRARY.has(formulation) ? 4 * largest : 0;
  const sums = 4 * classes + 16 + library;
  return {
    /** Of N·gradient, whose entries are between −1 and 1. */
    gradient: sums * u,
    loss: (sums + 4 * span + (formulation === "naive" ? 4 * largest : 0)) * u,
  };
}
