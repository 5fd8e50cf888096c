import { add, type DoubleDouble, divide, fromNumber, multiply } from "./arithmetic.js";
import { exp } from "./exp.js";

const ONE = fromNumber(1);
const TWO = fromNumber(2);

/**
 * ln x for x >= 1 (NaN gives NaN), by one Newton step on e^y = x from the float64 logarithm.
 * Absolute error below 2^-100 (1 + ln x), for x < 2^960.
 *
 * @throws RangeError if x < 1.
 */
export function log(x: DoubleDouble): DoubleDouble {
  if (x.hi < 1) throw new RangeError(`log is implemented for arguments >= 1, got ${x.hi}`);
  const guess = Math.log(x.hi);
  const ratio = multiply(x, exp(fromNumber(-guess)));
  const excess = ratio.hi - 1 + ratio.lo;
  // ln(1 + excess); the cubic term is below 2^-150.
  return add(fromNumber(guess), fromNumber(excess - (excess * excess) / 2));
}

/** Above this, ln(1 + y) is at least 0.117, and the absolute error of {@link log} is small enough. */
const SERIES_LIMIT = 1 / 8;

/** Below this, y^2 / 2 does not change a double-double y. */
const NEGLIGIBLE = 2 ** -108;

/** ln(1 + y) for y >= 0 with relative error below 2^-97, however small y is. */
export function log1p(y: DoubleDouble): DoubleDouble {
  if (y.hi < NEGLIGIBLE) return y;
  if (y.hi < SERIES_LIMIT) return logarithmSeries(y);
  return log(add(ONE, y));
}

/** ln(1 + y) = 2 artanh(s) = 2 (s + s^3/3 + s^5/5 + ...) with s = y / (2 + y). */
function logarithmSeries(y: DoubleDouble): DoubleDouble {
  const s = divide(y, add(TWO, y));
  const square = multiply(s, s);
  let sum = s;
  let power = s;
  for (let odd = 3; power.hi > NEGLIGIBLE * sum.hi; odd += 2) {
    power = multiply(power, square);
    sum = add(sum, divide(power, fromNumber(odd)));
  }
  return { hi: 2 * sum.hi, lo: 2 * sum.lo };
}
