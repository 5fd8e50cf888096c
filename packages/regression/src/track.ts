import {
  estimateShift,
  FEWEST_TO_SPLIT,
  findChangePoints,
  median,
  sharedAutocorrelation,
} from "@softmax-bench/stats";
import { groupBy } from "./group-by.js";
import type { Series, SeriesPoint } from "./series.js";

/** A change of level between two runs. Sizes are ratios minus 1. */
export interface Change {
  /** For the worse or for the better; no judgement, which is the gate's alone. */
  readonly verdict: "regression" | "improvement";
  /** Index of the first value of the new level. */
  readonly at: number;
  readonly lastBefore: SeriesPoint;
  readonly firstAfter: SeriesPoint;
  /** Medians of both levels. */
  readonly before: number;
  readonly after: number;
  readonly size: number;
  /** Covers the size in 95 % of cases; undefined for an error that is the same in all runs of either level. */
  readonly interval?: readonly [number, number];
  /** Runs of both levels. */
  readonly runsBefore: number;
  readonly runsAfter: number;
  /** Other changes between the two runs, which may be the cause. */
  readonly causes: readonly string[];
}

export interface TrackedSeries extends Series {
  /** `short`: too few runs for any change to be significant. */
  readonly state: "changed" | "flat" | "short";
  readonly changes: readonly Change[];
}

/** Changes of less are of no consequence, and a busy hour makes them. */
export const LEAST_CHANGE = 0.02;

/** Finds the changes of every series. Series of one machine, profile and kind share their noise. */
export function trackChanges(series: readonly Series[], leastChange = LEAST_CHANGE): TrackedSeries[] {
  const groups = groupBy(series, ({ profile, machine, kind, unit }) =>
    JSON.stringify([profile, machine, kind, unit]),
  );
  const tracked = new Map<Series, TrackedSeries>();
  for (const group of groups.values()) {
    const noisy = group.filter((each) => !isExact(each));
    const autocorrelation = sharedAutocorrelation(noisy.map((each) => toScale(each).values));
    for (const each of group) tracked.set(each, track(each, autocorrelation, leastChange));
  }
  return series.map((each) => tracked.get(each) as TrackedSeries);
}

function track(series: Series, autocorrelation: number, leastChange: number): TrackedSeries {
  const exact = isExact(series);
  if (!exact && series.points.length < FEWEST_TO_SPLIT) return { ...series, state: "short", changes: [] };
  const scale = toScale(series);
  const at = exact ? stepsOf(scale.values) : findChangePoints(scale.values, { autocorrelation });
  const changes = measureChanges(series, scale, at, { autocorrelation, leastChange, exact });
  return { ...series, state: changes.length ? "changed" : "flat", changes };
}

/** A series' values as numbers of which differences are meant: logarithms, unless some are not positive. */
interface Scale {
  readonly values: readonly number[];
  /** The ratio minus 1 that a difference stands for. */
  toRatio(difference: number, before: number): number;
}

/** The logarithm of an error that is not finite: above any other. */
const MOST = 700;

function toScale({ points }: Series): Scale {
  const values = points.map(({ value }) => value);
  if (values.every((value) => value > 0)) {
    const logs = values.map((value) => Math.min(MOST, Math.log(value)));
    return { values: logs, toRatio: Math.expm1 };
  }
  return { values, toRatio: (difference, before) => (difference === 0 ? 0 : difference / Math.abs(before)) };
}

/** Indices of values that differ from the one before. */
const stepsOf = (values: readonly number[]): number[] =>
  values.flatMap((value, index) => (index > 0 && value !== values[index - 1] ? [index] : []));

/**
 * True for errors that are nearly always those of the run before, bit for bit: there is no noise, and every step is a
 * change. Errors of a gradient that varies from process to process are noise like times.
 */
function isExact({ kind, points }: Series): boolean {
  if (kind !== "error" || points.length < 2) return false;
  return stepsOf(points.map(({ value }) => value)).length <= 1 + points.length / 10;
}

interface Rules {
  readonly autocorrelation: number;
  readonly leastChange: number;
  readonly exact: boolean;
}

/** Measures changes between neighbouring levels. The smallest is dropped, and its levels joined, while one is too small. */
function measureChanges(series: Series, scale: Scale, at: readonly number[], rules: Rules): Change[] {
  let left = [...at];
  for (;;) {
    const changes = left.map((index, place) =>
      measureChange(series, scale, { from: left[place - 1] ?? 0, at: index, to: left[place + 1] }, rules),
    );
    const magnitude = ({ size }: Change) => Math.abs(Math.log1p(Math.max(size, -1)));
    const smallest = changes.toSorted((a, b) => magnitude(a) - magnitude(b))[0];
    if (!smallest || magnitude(smallest) >= Math.log1p(rules.leastChange)) return changes;
    left = left.filter((index) => index !== smallest.at);
  }
}

function measureChange(
  { points, better, explain }: Series,
  { values, toRatio }: Scale,
  {
    from,
    at,
    to = values.length,
  }: { readonly from: number; readonly at: number; readonly to: number | undefined },
  { autocorrelation, exact }: Rules,
): Change {
  const levels = [points.slice(from, at), points.slice(at, to)] as const;
  const [before, after] = levels.map((level) => median(level.map(({ value }) => value))) as [number, number];
  const shift = estimateShift(values.slice(from, at), values.slice(at, to), autocorrelation);
  const size = toRatio(shift.estimate, before);
  return {
    verdict: size > 0 === (better === "smaller") ? "regression" : "improvement",
    at,
    lastBefore: points[at - 1] as SeriesPoint,
    firstAfter: points[at] as SeriesPoint,
    before,
    after,
    size,
    ...(exact ? {} : { interval: [toRatio(shift.low, before), toRatio(shift.high, before)] as const }),
    runsBefore: at - from,
    runsAfter: to - at,
    causes: explain?.(at - 1, at) ?? [],
  };
}
