import { type DoubleDouble, productTail } from "./arithmetic.js";
import type { DoubleDoubleArray } from "./array.js";
import { fastSumError, leadingHalf, sumError } from "./error-free.js";
import { ln2OverPowerOfTwo, powersOfRootOfTwo } from "./fixed-point.js";

/**
 * Table-driven exponential (Tang, "Table-driven implementation of the exponential function in IEEE
 * floating-point arithmetic", ACM TOMS 15, 1989), with two tables of 256 double-doubles:
 *
 *     x = n ln2 / 2^16 + r,   n = 2^16 k + 2^8 i + j,   |r| < 2^-17.5
 *     e^x = 2^k * 2^(i / 2^8) * 2^(j / 2^16) * e^r
 */
const STEPS_PER_OCTAVE = 2 ** 16;
const COARSE = powersOfRootOfTwo(8, 256);
const FINE = powersOfRootOfTwo(16, 256);
const [STEP_1, STEP_2, STEP_3, STEP_4] = ln2OverPowerOfTwo(16);

const SCALE_EXPONENT = 512;

/**
 * The array kernel returns e^x times this power of two. Its tails then stay far from the subnormal
 * numbers, where the low halves of double-doubles would lose their bits.
 */
export const EXP_SCALE = 2 ** SCALE_EXPONENT;

/** Below this, e^x rounds to 0 even after the scale is removed: e^-746 < 2^-1076. */
const SMALLEST_ARGUMENT = -746;
const SMALLEST_EXPONENT = -1077;

/** SCALED_POWERS[k - SMALLEST_EXPONENT] = 2^k * EXP_SCALE for SMALLEST_EXPONENT <= k <= 0. */
const SCALED_POWERS = Float64Array.from(
  { length: 1 - SMALLEST_EXPONENT },
  (_, i) => 2 ** (i + SMALLEST_EXPONENT + SCALE_EXPONENT),
);

/**
 * Replaces every entry x in [start, end) by e^x * {@link EXP_SCALE}, for x <= 0.
 *
 * Relative error below 2^-101 for x >= -746; 0 below that and at -Infinity; NaN stays NaN.
 */
export function exponentiate({ hi, lo }: DoubleDoubleArray, start: number, end: number): void {
  for (let index = start; index < end; index++) {
    const x = hi[index] as number;
    if (x < SMALLEST_ARGUMENT) {
      hi[index] = 0;
      lo[index] = 0;
      continue;
    }

    // r = x - n ln2 / 2^16. The first difference is exact, the next two are compensated, and the rounding error of the
    // last one is below 2^-120.
    const n = Math.round(x * (STEPS_PER_OCTAVE / Math.LN2));
    const head = x - n * STEP_1;
    const second = -n * STEP_2;
    const third = -n * STEP_3;
    const tail = lo[index] as number;
    const headSum = head + second;
    const tailSum = tail + third;
    const r = headSum + tailSum;
    const rLo =
      sumError(head, second, headSum) +
      sumError(tail, third, tailSum) +
      sumError(headSum, tailSum, r) -
      n * STEP_4;

    // e^r = 1 + r + r^2/2 + ..., r^6/720 < 2^-114. The half square needs 2^-104 absolute, so its leading part is exact;
    // the cubic terms, below 2^-55, are accurate enough in float64.
    const rLead = leadingHalf(r);
    const halfSquare = 0.5 * rLead * rLead;
    const halfSquareLo = 0.5 * (r + rLead) * (r - rLead) + r * rLo;
    const cubic = r * r * r * (1 / 6 + r * (1 / 24 + r * (1 / 120)));
    const exponential = r + halfSquare;
    const growth = 1 + exponential;
    const growthLo =
      fastSumError(1, exponential, growth) +
      (fastSumError(r, halfSquare, exponential) + (cubic + (halfSquareLo + rLo)));

    const i = (n >> 8) & 0xff;
    const j = n & 0xff;
    const coarse = COARSE.hi[i] as number;
    const fine = FINE.hi[j] as number;
    const root = coarse * fine;
    const rootLo = productTail(coarse, COARSE.lo[i] as number, fine, FINE.lo[j] as number, root);
    const product = root * growth;
    const productLo = productTail(root, rootLo, growth, growthLo, product);

    const power = SCALED_POWERS[(n >> 16) - SMALLEST_EXPONENT] as number;
    const result = product + productLo;
    hi[index] = result * power;
    lo[index] = fastSumError(product, productLo, result) * power;
  }
}

const scratch: DoubleDoubleArray = { hi: new Float64Array(1), lo: new Float64Array(1) };

/**
 * e^x for x <= 0 (-Infinity gives 0, NaN gives NaN). The relative error is below 2^-101 until the low
 * half underflows, near 1e-291; from there on the absolute error is below 2^-1074.
 *
 * @throws RangeError if x is positive.
 */
export function exp(x: DoubleDouble): DoubleDouble {
  if (x.hi > 0) throw new RangeError(`exp is implemented for arguments <= 0, got ${x.hi}`);
  scratch.hi[0] = x.hi;
  scratch.lo[0] = x.lo;
  exponentiate(scratch, 0, 1);
  return { hi: (scratch.hi[0] as number) / EXP_SCALE, lo: (scratch.lo[0] as number) / EXP_SCALE };
}
