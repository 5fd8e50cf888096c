import { linearRegression } from "simple-statistics";

/**
 * The exponent s of y ∝ x^s: the slope of ln y over ln x, by least squares.
 *
 * @returns undefined unless every x and y is positive and finite, and there are two different x
 */
export function powerLawExponent(points: readonly (readonly [x: number, y: number])[]): number | undefined {
  const isPositive = (value: number) => value > 0 && Number.isFinite(value);
  if (!points.every((point) => point.every(isPositive))) return undefined;
  if (new Set(points.map(([x]) => x)).size < 2) return undefined;
  return linearRegression(points.map(([x, y]) => [Math.log(x), Math.log(y)])).m;
}
