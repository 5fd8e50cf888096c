import type { TrackedSeries } from "@softmax-bench/regression";
import { escapeHtml } from "./escape-html.js";
import { formatValue, originOf } from "./history.js";

/** A chart's own units; it is as wide as its page allows. */
const [WIDTH, HEIGHT] = [1000, 100];
/** Labels below a chart keep this distance, in parts of its width: four fit on a phone. */
const LABEL_DISTANCE = 0.28;

/** Places values on the axes. A range below 10 % is drawn as 10 %, so that noise looks small. */
function scale({ points }: TrackedSeries, width: number, height: number) {
  const finite = points.map(({ value }) => value).filter(Number.isFinite);
  const [low, high] = [minimum(finite), maximum(finite)];
  const isLogarithmic = low > 0;
  const to = (value: number) => (isLogarithmic ? Math.log(value) : value);
  const middle = (to(low) + to(high)) / 2;
  const least = isLogarithmic ? 0.1 : 0.1 * Math.abs(middle) || 1;
  const range = Math.max(least, to(high) - to(low));
  const last = points.length - 1;
  return {
    low,
    high,
    x: (index: number) => (last === 0 ? width / 2 : (index / last) * width),
    y: (value: number) =>
      Math.max(0, Math.min(height, height / 2 - ((to(value) - middle) / range) * 0.92 * height)),
  };
}

// Spreading a long list into Math.min would overflow the stack.
const minimum = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Infinity);
const maximum = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), -Infinity);

function polyline(series: TrackedSeries, width: number, height: number): string {
  const { x, y } = scale(series, width, height);
  const points = series.points.map(({ value }, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`);
  return `<polyline points="${points.join(" ")}"/>`;
}

/** A small chart for a table. */
export const sparkline = (series: TrackedSeries): string =>
  `<svg width="160" height="24" role="img" aria-label="${series.points.length} values">${polyline(series, 160, 24)}</svg>`;

/** A chart of a series with its levels, its changes, and commits below it. */
export function chart(series: TrackedSeries): string {
  const { points, changes } = series;
  const { x, y, low, high } = scale(series, WIDTH, HEIGHT);
  // A change happened between two runs.
  const between = (at: number) => (x(at - 1) + x(at)) / 2;
  const starts = [0, ...changes.map(({ at }) => at)];
  const levels = starts.map((from, index) => {
    const to = starts[index + 1] ?? points.length;
    const value = index === 0 ? changes[0]?.before : changes[index - 1]?.after;
    const height = y(value ?? points[0]?.value ?? 0).toFixed(1);
    return `<line class="level" x1="${x(from).toFixed(1)}" x2="${x(to - 1).toFixed(1)}" y1="${height}" y2="${height}"/>`;
  });
  const marks = changes.map(({ at, verdict }) => {
    const place = between(at).toFixed(1);
    return `<line class="at ${verdict}" x1="${place}" x2="${place}" y1="0" y2="${HEIGHT}"/>`;
  });
  const name = `${points.length} values, ${changes.length} changes`;
  return `<div class="range"><span>${escapeHtml(formatValue(series, low))} to ${escapeHtml(formatValue(series, high))}</span><span>${points.length} runs</span></div>
<div class="chart"><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${name}">${polyline(series, WIDTH, HEIGHT)}${levels.join("")}${marks.join("")}</svg>${ticks(series)}</div>`;
}

/** The commits of the first and the last run and of those that begin a new level, as far as they fit. */
function ticks({ points, changes }: TrackedSeries): string {
  const last = points.length - 1;
  const share = (index: number) => (last === 0 ? 0 : index / last);
  const chosen: number[] = [];
  const byNeed = [...changes.map(({ at }) => at), 0, last, Math.round(last / 2)];
  for (const index of byNeed) {
    const isFree = chosen.every((other) => Math.abs(share(other) - share(index)) >= LABEL_DISTANCE);
    if (isFree) chosen.push(index);
  }
  const begins = new Set(changes.map(({ at }) => at));
  return chosen
    .map((index) => {
      const point = points[index];
      if (!point) return "";
      const edge = share(index) < 0.12 ? " first" : share(index) > 0.88 ? " last" : "";
      const kind = begins.has(index) ? " change" : "";
      const when = point.startedAt.slice(0, 10);
      return `<span class="tick${edge}${kind}" style="left:${(100 * share(index)).toFixed(2)}%" title="${escapeHtml(when)}">${escapeHtml(originOf(point).slice(0, 8))}</span>`;
    })
    .join("");
}
