/** Quantities as people read them: three significant digits and a unit. */

const scaled = (value: number, units: readonly (readonly [number, string])[]): string => {
  const [size, unit] = units.find(([threshold]) => value >= threshold) ?? (units.at(-1) as [number, string]);
  return `${significant(value / size)} ${unit}`;
};

/** Three significant digits, without an exponent between 0.001 and 1e6. */
function significant(value: number): string {
  if (!Number.isFinite(value)) return formatNonFinite(value);
  return value >= 1000 ? Math.round(value).toString() : value.toPrecision(3);
}

const formatNonFinite = (value: number): string =>
  Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";

const TIME_UNITS = [
  [1e9, "s"],
  [1e6, "ms"],
  [1e3, "µs"],
  [1, "ns"],
] as const;

/** Nanoseconds: `4.70 ms`. */
export const formatDuration = (ns: number): string => scaled(ns, TIME_UNITS);

/** Wall time of a run, in nanoseconds: `2m 31s`. */
export function formatWall(ns: number): string {
  const seconds = Math.round(ns / 1e9);
  return seconds < 60 ? `${(ns / 1e9).toFixed(1)}s` : `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
}

/** `[4.61, 4.83]`, in the unit of the value that it belongs to. */
export function formatInterval(ns: number, [low, high]: readonly [number, number]): string {
  const [size] = TIME_UNITS.find(([threshold]) => ns >= threshold) ?? ([1] as const);
  return `[${significant(low / size)}, ${significant(high / size)}]`;
}

export const formatRatio = (ratio: number): string => `${significant(ratio)}×`;

/** Relative and absolute errors: `6.1e-8`. */
export const formatError = (value: number): string =>
  Number.isFinite(value) ? (value === 0 ? "0" : value.toExponential(1)) : formatNonFinite(value);

/** Whole numbers, such as ULP: `12,345`, or `1.2e9` where digits say nothing. */
export function formatCount(value: number): string {
  if (!Number.isFinite(value)) return formatNonFinite(value);
  return value < 1e7 ? Math.round(value).toLocaleString("en-US") : value.toExponential(1);
}

export const formatBytes = (bytes: number): string =>
  scaled(bytes, [
    [2 ** 30, "GiB"],
    [2 ** 20, "MiB"],
    [2 ** 10, "KiB"],
    [1, "B"],
  ]);

export const formatPercent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
