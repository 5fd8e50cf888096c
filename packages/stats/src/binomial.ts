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

/** The quantile of the normal distribution for 95 %. */
const Z = 1.959964;

/** Wilson's interval of 95 % for a probability, from `count` successes in `of` trials (Wilson 1927). */
export function wilsonInterval(count: number, of: number): readonly [low: number, high: number] {
  const [share, spread] = [count / of, Z ** 2 / of];
  const half = Z * Math.sqrt((share * (1 - share)) / of + spread / (4 * of));
  const [low, high] = [share + spread / 2 - half, share + spread / 2 + half];
  return [Math.max(0, low / (1 + spread)), Math.min(1, high / (1 + spread))];
}
