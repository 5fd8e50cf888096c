import { gammaln } from "simple-statistics";

const logFactorial = (n: number): number => gammaln(n + 1);

/**
 * ln P(B < k) for B ~ Binomial(n, ½). Uses logarithms because 2⁻ⁿ underflows beyond n = 1074. The terms grow up to k ≤
 * n/2, so the sum starts from the largest and stops when the rest is negligible.
 */
export function logBinomialTail(k: number, n: number): number {
  const logTerm = (i: number) => logFactorial(n) - logFactorial(i) - logFactorial(n - i) - n * Math.LN2;
  const largest = logTerm(k - 1);
  let sum = 0;
  let ratio = 1;
  for (let i = k - 1; i >= 0 && ratio > 1e-18; i--) {
    sum += ratio;
    ratio *= i / (n - i + 1);
  }
  return largest + Math.log(sum);
}
