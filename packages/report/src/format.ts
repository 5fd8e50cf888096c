import type { Steadiness } from "@softmax-bench/core";

/** Quantities in readable form: three significant digits and a unit. */

type Unit = readonly [size: number, symbol: string];

/** The largest unit in which a rounded value is 1 or more: 999.9 µs are `1.00 ms`. */
const unitFor = (value: number, units: readonly Unit[]): Unit =>
  units.find(([size]) => rounded(value / size) >= 1) ?? (units.at(-1) as Unit);

const scaled = (value: number, units: readonly Unit[]): string => {
  const [size, symbol] = unitFor(value, units);
  return `${significant(value / size)} ${symbol}`;
};

/** Rounds to the three significant digits that are shown. */
const rounded = (value: number): number => Number(value.toPrecision(3));

/** Three significant digits; all digits from 1000 on. No exponent between 1e-6 and 1e21. */
function significant(value: number): string {
  if (!Number.isFinite(value)) return formatNonFinite(value);
  if (value === 0) return "0";
  return Math.abs(rounded(value)) >= 1000 ? Math.round(value).toString() : value.toPrecision(3);
}

const formatNonFinite = (value: number): string => (Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞");

const TIME_UNITS = [
  [1e9, "s"],
  [1e6, "ms"],
  [1e3, "µs"],
  [1, "ns"],
] as const;

/** Formats nanoseconds: `4.70 ms`. */
export const formatDuration = (ns: number): string => scaled(ns, TIME_UNITS);

/** Formats a time, and its doubt: `4.70 ms`, `4.70 ms, unsettled`, `4.70 ms, untested`. */
export const formatTime = (ns: number, steadiness?: Steadiness): string =>
  `${formatDuration(ns)}${formatDoubt(steadiness)}`;

/** The doubt in a time, or in a ratio of times: `, unsettled`, `, untested`, or nothing. */
export const formatDoubt = (steadiness: Steadiness = "settled"): string =>
  steadiness === "settled" ? "" : `, ${steadiness}`;

/** Formats the wall time of a run, in nanoseconds: `2m 31s`. */
export function formatWall(ns: number): string {
  const seconds = Math.round(ns / 1e9);
  return seconds < 60 ? `${(ns / 1e9).toFixed(1)}s` : `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
}

/** Formats an interval in the unit of its value: `[4.61, 4.83]`. */
export function formatInterval(ns: number, [low, high]: readonly [number, number]): string {
  const [size] = unitFor(ns, TIME_UNITS);
  return `[${significant(low / size)}, ${significant(high / size)}]`;
}

export const formatRatio = (ratio: number): string => `${significant(ratio)}×`;

/** Formats a speed-up; below 1 it is a slowdown: `1.40×`, `2.00× slowdown`. */
export const formatSpeedup = (speedup: number): string =>
  speedup < 1 ? `${formatRatio(1 / speedup)} slowdown` : formatRatio(speedup);

/** Formats relative and absolute errors: `6.1e-8`. */
export const formatError = (value: number): string =>
  Number.isFinite(value) ? (value === 0 ? "0" : exponential(value)) : formatNonFinite(value);

/** Two significant digits, as `1.2e9` instead of `1.2e+9`. */
const exponential = (value: number): string => value.toExponential(1).replace("e+", "e");

/** Formats whole numbers, such as ULP: `12,345`, or `1.2e9` if digits are meaningless. */
export function formatCount(value: number): string {
  if (!Number.isFinite(value)) return formatNonFinite(value);
  const whole = Math.round(value);
  return whole < 1e7 ? whole.toLocaleString("en-US") : exponential(value);
}

export const formatBytes = (bytes: number): string =>
  scaled(bytes, [
    [2 ** 30, "GiB"],
    [2 ** 20, "MiB"],
    [2 ** 10, "KiB"],
    [1, "B"],
  ]);

/** Formats a share of 1: `42 %`, with one digit more if small. */
export const formatPercent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

/** Formats the least and the most of several shares: `2.0 %`, `2.0 % to 15 %`. */
export function formatPercents(shares: readonly number[]): string {
  const [least, most] = [formatPercent(Math.min(...shares)), formatPercent(Math.max(...shares))];
  return least === most ? least : `${least} to ${most}`;
}

/** Formats a probability, rounded down so that a value below a level never shows as that level: `94.9 %`. */
export const formatCoverage = (probability: number): string =>
  `${(Math.floor(1000 * probability + 1e-9) / 10).toFixed(1)} %`;
