import type { Formulation } from "./formulation.js";

/**
 * Probabilities from pairs (m, n) with exp(x) = m 2^n (Dukhan and Ablavatski, "Two-pass softmax algorithms", 2020, arXiv
 * 2001.04438). No maximum is subtracted, which rounds at the size of the difference. There are no integers beside floats
 * in the graphs, so this takes a kernel.
 */
export const twoPass: Formulation = {
  id: "two-pass",
  summary: "exponentials as mantissa and exponent: nothing is subtracted from a logit and rounded",
  rounding: { probabilities: "pairs", balanced: true },
  needsKernel: true,
};
