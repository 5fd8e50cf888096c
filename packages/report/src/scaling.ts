import type { Results, Scaling, Series, Steadiness } from "@softmax-bench/core";
import { ASSUMED_RESOLUTION, shorten } from "@softmax-bench/core";
import type { Block } from "./block.js";
import { formatCount, formatDuration, formatPercent, formatRatio, formatTime } from "./format.js";

/** The growth of times with rows, classes and threads, and the memory held by gradients. */
export interface ScalingView {
  readonly premises: readonly string[];
  /** Series with a fit, the largest bandwidth first. */
  readonly fitted: readonly Fitted[];
  /** The points from which threads pay off, a sentence for each. */
  readonly threading: readonly string[];
  readonly memory: readonly HeldMemory[];
  readonly times: readonly TimedShape[];
  /** Series, and shapes of a series, without a time, each a sentence. */
  readonly absent: readonly string[];
}

/** The time of one shape. */
export interface TimedShape extends Pick<Series, "backend" | "method" | "dtype" | "threads"> {
  readonly rows: number;
  readonly classes: number;
  readonly medianNs: number;
  readonly steadiness: Steadiness | undefined;
}

type Fitted = Series & { readonly fit: NonNullable<Series["fit"]> };

/** The memory that a gradient holds, from sizes that double. */
interface HeldMemory extends Pick<Series, "backend" | "method" | "dtype" | "threads"> {
  /** Growth from the smallest size to the largest, in bytes per element. */
  readonly bytesPerElement: number;
  /** Largest |held − line through the first and the last| over what the last holds: 0 is a straight line. */
  readonly deviation: number;
  /** The memory left after disposal of the largest, over what it held. */
  readonly kept: number;
  /** The growth of that remainder in further uses, over what one holds. */
  readonly growth: number;
  readonly words: string;
}

/** Shares of a gradient's memory below which a process's own fluctuations dominate. */
const RETURNED = 0.15;
const GROWING = 0.15;

export function scalingView({ scaling }: Pick<Results, "scaling">): ScalingView | undefined {
  if (!scaling || scaling.series.length === 0) return undefined;
  const { series, threading } = scaling;
  return {
    premises: [
      "time ≈ overhead + row · rows + bytes / bandwidth, fitted to the medians of all shapes with relative errors; bytes are those of logits, read once, and gradient, written once.",
      `Each time is of a single process: those of identical code may be ${formatPercent(ASSUMED_RESOLUTION)} apart, and threads pay where they gain more. Unsettled times had not stopped changing, and nothing is concluded from them. Untested ones count: their calls take so long that there are too few to tell, and only they show large shapes.`,
      "Off by: the median relative difference of fit and measurement. Small shapes are in a cache, large ones are not, and one bandwidth is between both.",
      "A gradient is held with its loss, uploaded logits and what the runtime needs, until it is disposed of; measured as the resident set of the process, without the memory of a GPU.",
    ],
    fitted: series
      .filter((one): one is Fitted => one.fit !== undefined)
      .toSorted((a, b) => (b.fit.bytesPerSecond ?? 0) - (a.fit.bytesPerSecond ?? 0)),
    threading: threading.map(threadingSentence),
    memory: series.flatMap((one) => heldMemory(one) ?? []),
    times: series.flatMap(({ backend, method, dtype, threads, points }) =>
      points.flatMap(({ rows, classes, medianNs, steadiness }) =>
        medianNs === undefined
          ? []
          : [{ backend, method, dtype, threads, rows, classes, medianNs, steadiness }],
      ),
    ),
    absent: series.flatMap(describeAbsent),
  };
}

function threadingSentence({
  backend,
  method,
  dtype,
  threads,
  fromElements,
  best,
}: Scaling["threading"][number]): string {
  const who = `${backend} ${method} ${dtype}`;
  const most = `at most ${formatRatio(best)}${best > 1 + ASSUMED_RESOLUTION ? "" : ", a tie"}`;
  return fromElements === null
    ? `${who}: ${threads} threads do not pay for all of the largest shapes here (${most}).`
    : `${who}: ${threads} threads pay from ${formatCount(fromElements)} elements on, for every shape here (${most}).`;
}

/** @returns undefined if memory was not measured for at least two sizes */
export function heldMemory({
  backend,
  method,
  dtype,
  threads,
  memory,
}: Pick<Series, "backend" | "method" | "dtype" | "threads" | "memory">): HeldMemory | undefined {
  const [first, last] = [memory?.points[0], memory?.points.at(-1)];
  if (!memory || !first || !last || last.elements <= first.elements) return undefined;
  const { beforeBytes, points, repeatedBytes } = memory;
  const bytesPerElement = (last.heldBytes - first.heldBytes) / (last.elements - first.elements);
  const held = Math.max(1, last.heldBytes - beforeBytes);
  const line = (elements: number) => first.heldBytes + bytesPerElement * (elements - first.elements);
  const deviation =
    Math.max(...points.map(({ elements, heldBytes }) => Math.abs(heldBytes - line(elements)))) / held;
  const kept = Math.max(0, last.afterBytes - beforeBytes) / held;
  const growth = Math.max(0, repeatedBytes - last.afterBytes) / held;
  const words = growth > GROWING ? "grows with each use" : kept <= RETURNED ? "returned" : "kept, used again";
  return {
    backend,
    method,
    dtype,
    threads,
    bytesPerElement,
    deviation,
    kept,
    growth,
    words,
  };
}

/** The parts of a series without time or memory, and why: shapes by their reason. */
function describeAbsent({ status, reason, points, fit, memoryReason, ...series }: Series): string[] {
  const { backend, method, dtype, threads } = series;
  const who = `${backend} ${method} ${dtype}, ${threads} ${threads === 1 ? "thread" : "threads"}`;
  if (status !== "ok") return [`${who}: ${status}, ${shorten(reason ?? "no reason given", 300)}`];
  const byReason = new Map<string, string[]>();
  for (const { rows, classes, reason: why } of points) {
    if (why) byReason.set(why, [...(byReason.get(why) ?? []), `${rows}x${classes}`]);
  }
  return [
    ...[...byReason].map(([why, shapes]) => `${who}, ${shapes.join(", ")}: ${shorten(why, 300)}`),
    ...(fit ? [] : [`${who}: too few shapes for a fit`]),
    ...(memoryReason ? [`${who}: no memory: ${shorten(memoryReason, 300)}`] : []),
  ];
}

const formatBandwidth = (bytesPerSecond: number | undefined): string =>
  bytesPerSecond === undefined ? "" : `${(bytesPerSecond / 1e9).toPrecision(3)} GB/s`;

export function scalingBlocks(view: ScalingView, detail: "brief" | "complete"): Block[] {
  const { premises, fitted, threading, memory, times, absent } = view;
  const list = (items: readonly string[]): Block[] => (items.length ? [{ kind: "list", items }] : []);
  return [
    { kind: "heading", level: 2, text: "Scaling" },
    { kind: "list", items: premises },
    ...(fitted.length ? [fitTable(fitted)] : []),
    ...list(threading),
    ...(memory.length
      ? ([{ kind: "heading", level: 3, text: "Memory" }, memoryTable(memory)] satisfies Block[])
      : []),
    ...list(absent),
    ...(detail === "complete" || fitted.length === 0 ? timeTable(times) : []),
  ];
}

function timeTable(times: readonly TimedShape[]): Block[] {
  if (times.length === 0) return [];
  return [
    { kind: "heading", level: 3, text: "Times" },
    {
      kind: "table",
      header: ["dtype", "backend", "method", "threads", "rows", "classes", "gradient"],
      numeric: [3, 4, 5, 6],
      rows: times.map(({ dtype, backend, method, threads, rows, classes, medianNs, steadiness }) => [
        ...[dtype, backend, method, String(threads)],
        ...[formatCount(rows), formatCount(classes), formatTime(medianNs, steadiness)],
      ]),
    },
  ];
}

export const FIT_HEADER = [
  ...["dtype", "backend", "method", "threads"],
  ...["overhead", "per row", "bandwidth", "off by", "shapes"],
];

export const fitRow = ({ dtype, backend, method, threads, fit, points }: Fitted): string[] => [
  ...[dtype, backend, method, String(threads)],
  ...[formatDuration(fit.overheadNs), formatDuration(fit.rowNs), formatBandwidth(fit.bytesPerSecond)],
  formatPercent(fit.relativeError),
  String(points.filter(({ medianNs }) => medianNs !== undefined).length),
];

const fitTable = (fitted: readonly Fitted[]): Block => ({
  kind: "table",
  header: FIT_HEADER,
  numeric: [3, 4, 5, 6, 7, 8],
  rows: fitted.map(fitRow),
});

export const MEMORY_HEADER = [
  ...["dtype", "backend", "method", "threads", "bytes per element", "off a line by"],
  ...["left when disposed of", "more after three uses", ""],
];

export const memoryRow = (held: HeldMemory): string[] => [
  ...[held.dtype, held.backend, held.method, String(held.threads), held.bytesPerElement.toFixed(1)],
  ...[formatPercent(held.deviation), formatPercent(held.kept), formatPercent(held.growth), held.words],
];

const memoryTable = (memory: readonly HeldMemory[]): Block => ({
  kind: "table",
  header: MEMORY_HEADER,
  numeric: [3, 4, 5, 6, 7],
  rows: memory.map(memoryRow),
});
