/**
 * Error-free transformations without fused multiply-add: each function returns the rounding error of
 * an operation whose rounded result the caller already has, so that `result + error` is exact.
 *
 * One number in, one number out: the engine inlines these into the loops that use them, and nothing
 * is allocated. See Joldes, Muller, Popescu, "Tight and rigorous error bounds for basic building
 * blocks of double-word arithmetic", ACM TOMS 44 (2017), section 2.
 */

/** Error of `sum = fl(a + b)`, for any order of magnitude (Knuth's TwoSum). */
export function sumError(a: number, b: number, sum: number): number {
  const bRounded = sum - a;
  return a - (sum - bRounded) + (b - bRounded);
}

/** Error of `sum = fl(a + b)` when |a| >= |b| or a = 0 (Dekker's Fast2Sum). */
export function fastSumError(a: number, b: number, sum: number): number {
  return b - (sum - a);
}

const SPLITTER = 2 ** 27 + 1;

/** The leading 26 bits of `a`, rounded (Veltkamp's splitting): products of such halves are exact. */
export function leadingHalf(a: number): number {
  const scaled = SPLITTER * a;
  return scaled - (scaled - a);
}

/**
 * Error of `product = fl(a * b)` (Dekker's product). Exact while |a|, |b| and |product| are below 2^996
 * and |product| is zero or above 2^-968, where its last bits would fall below the smallest subnormal.
 */
export function productError(a: number, b: number, product: number): number {
  const aLead = leadingHalf(a);
  const aTrail = a - aLead;
  const bLead = leadingHalf(b);
  const bTrail = b - bLead;
  return aTrail * bTrail - (product - aLead * bLead - aTrail * bLead - aLead * bTrail);
}
