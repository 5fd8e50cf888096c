import { ASSUMED_RESOLUTION, DTYPES, placeName, type Scaling, type Series } from "@softmax-bench/core";
import { median } from "@softmax-bench/stats";
import { nonNegativeLeastSquares } from "@softmax-bench/stats/least-squares";
import type { MeasuredSeries } from "../experiment.js";
import { elementsOf } from "./shapes.js";

/** The results' section on the series of a run. */
export const scalingSection = (series: readonly MeasuredSeries[]): Scaling => ({
  series: series.map((one) => {
    const fit = fitTimes(one);
    return fit ? { ...one, fit } : { ...one };
  }),
  threading: compareThreads(series),
});

interface Timed {
  readonly rows: number;
  readonly classes: number;
  readonly medianNs: number;
}

/** Shapes with a time to conclude from: untested ones, too, without which a fit would see no large shape of a slow backend. */
const timedShapes = ({ points }: MeasuredSeries): Timed[] =>
  points.flatMap(({ medianNs, steadiness, rows, classes }) =>
    medianNs && steadiness !== "unsettled" ? [{ rows, classes, medianNs }] : [],
  );

/** The fewest points for a fit of three coefficients: twice as many as it determines, so that it can show an error. */
const FEWEST_POINTS = 6;

/**
 * time ≈ overhead + row · rows + bytes / bandwidth, with no negative part. Errors are relative: a microsecond counts at
 * a small shape as much as a millisecond at a large one.
 */
function fitTimes(series: MeasuredSeries): Series["fit"] {
  const timed = timedShapes(series);
  if (timed.length < FEWEST_POINTS) return undefined;
  const bytes = (shape: Timed) => 2 * elementsOf(shape) * DTYPES[series.dtype].bytes;
  const terms = timed.map((shape) => [1, shape.rows, bytes(shape)].map((term) => term / shape.medianNs));
  const coefficients = nonNegativeLeastSquares(
    terms,
    timed.map(() => 1),
  );
  const [overheadNs = 0, rowNs = 0, byteNs = 0] = coefficients;
  const predicted = terms.map((row) =>
    row.reduce((sum, term, index) => sum + term * (coefficients[index] ?? 0), 0),
  );
  return {
    overheadNs,
    rowNs,
    ...(byteNs > 0 ? { bytesPerSecond: 1e9 / byteNs } : {}),
    relativeError: median(predicted.map((value) => Math.abs(value - 1))),
  };
}

/** The ratio of times beyond which more threads pay: each time is of a single process. */
const PAYS = 1 + ASSUMED_RESOLUTION;

function compareThreads(series: readonly MeasuredSeries[]): Scaling["threading"] {
  const groups = new Map<string, MeasuredSeries[]>();
  for (const one of series
    .filter(({ status }) => status === "ok")
    .toSorted((a, b) => a.threads - b.threads)) {
    const key = `${placeName(one)} ${one.method} ${one.dtype}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].flatMap(([fewest, ...others]) =>
    others.flatMap((more) => (fewest ? (compareSeries(fewest, more) ?? []) : [])),
  );
}

function compareSeries(
  fewest: MeasuredSeries,
  more: MeasuredSeries,
): Scaling["threading"][number] | undefined {
  const before = new Map(
    timedShapes(fewest).map((timed) => [`${timed.rows}x${timed.classes}`, timed.medianNs]),
  );
  const ratios = timedShapes(more).flatMap((timed) => {
    const single = before.get(`${timed.rows}x${timed.classes}`);
    return single ? [{ elements: elementsOf(timed), ratio: single / timed.medianNs }] : [];
  });
  if (ratios.length === 0) return undefined;
  const { backend, host, method, dtype, threads } = more;
  const slow = ratios.filter(({ ratio }) => ratio <= PAYS).map(({ elements }) => elements);
  const lastSlow = Math.max(0, ...slow);
  const paying = ratios.map(({ elements }) => elements).filter((elements) => elements > lastSlow);
  return {
    backend,
    host,
    method,
    dtype,
    threads,
    fromElements: paying.length ? Math.min(...paying) : null,
    best: Math.max(...ratios.map(({ ratio }) => ratio)),
  };
}
