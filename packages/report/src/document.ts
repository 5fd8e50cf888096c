import {
  type BackendRecord,
  type Cell,
  describeObservations,
  type Steadiness,
  shorten,
} from "@softmax-bench/core";
import { absentList } from "./absent.js";
import type { Block } from "./block.js";
import { depthBlocks } from "./depth.js";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatError,
  formatPercent,
  formatRatio,
  formatTime,
} from "./format.js";
import { hostsBlocks } from "./hosts.js";
import type { MachineView } from "./machines.js";
import { formatX, type PrecisionView, type Reach } from "./precision.js";
import { RANGE_COLUMNS, RANGE_LEGEND, rangeCells } from "./range.js";
import { hasSettled } from "./ranking.js";
import { scalingBlocks } from "./scaling.js";
import type { ComparedMethods } from "./speedup.js";
import type { RankedRow, ReportView, WorkloadView } from "./view.js";

/** `brief` groups cells that did not run by reason; `complete` gives each its own row. */
export type Detail = "brief" | "complete";

export function buildDocument(view: ReportView, detail: Detail): Block[] {
  return [
    { kind: "heading", level: 1, text: view.title },
    ...paragraph(view.busy, true),
    { kind: "list", items: view.facts.map(([label, value]) => `${label}: ${value}`) },
    ...paragraph(view.notice, true),
    { kind: "heading", level: 2, text: "Backends" },
    backendTable(view.backends, view.machines),
    ...unavailableList(view.backends),
    ...view.workloads.flatMap((workload) => workloadBlocks(workload, detail)),
    ...(view.hosts ? hostsBlocks(view.hosts) : []),
    ...acrossBlocks(view),
    ...(view.depth ? depthBlocks(view.depth, detail === "complete") : []),
    ...(view.scaling ? scalingBlocks(view.scaling, detail) : []),
    ...(view.precision ? precisionBlocks(view.precision, detail) : []),
    ...section("Notes", [...view.advice, ...view.broken]),
    ...section("Wall time", view.wall ? [view.wall] : []),
    ...(detail === "complete" ? section("What the columns mean", DEFINITIONS) : []),
  ];
}

export function precisionBlocks(precision: PrecisionView, detail: Detail): Block[] {
  const { ulpLimit, findings, reaches, absent } = precision;
  return [
    { kind: "heading", level: 2, text: "Which formulation?" },
    {
      kind: "paragraph",
      text: `Within ${ulpLimit} ULP: 99 of 100 entries of the gradient are no further than that from the correctly rounded one.`,
    },
    ...findings.flatMap(({ heading, sentences }): Block[] => [
      { kind: "heading", level: 3, text: heading },
      { kind: "list", items: sentences },
    ]),
    ...(detail === "complete" ? [reachTable(reaches, ulpLimit)] : []),
    ...absentList(absent),
  ];
}

const reachTable = (reaches: readonly Reach[], ulpLimit: number): Block => ({
  kind: "table",
  header: [
    ...["dtype", "sweep", "backend", "method"],
    ...["axis", `leaves ${ulpLimit} ULP at`, "with", "non-finite at", "max ULP"],
  ],
  numeric: [5, 6, 7, 8],
  rows: reaches.map(
    ({ dtype, sweep, backend, method, axis, leavesAt, ulpThere, nonFiniteAt, largestUlp }) => [
      ...[dtype, sweep, backend, method, axis],
      leavesAt === undefined ? "" : formatX(leavesAt),
      leavesAt === undefined ? "" : formatCount(ulpThere),
      nonFiniteAt === undefined ? "" : formatX(nonFiniteAt),
      formatCount(largestUlp),
    ],
  ),
});

const DEFINITIONS = [
  "gradient: median time of loss and gradient, left on the device.",
  "ratio: that time over the fastest settled one; = marks a tie with it; below 1, the times had not settled, or the backend has no rank.",
  "±: the resolution of that time. Medians of identical code differ by less in 95 of 100 pairs, going by the repeated processes and the A/A pairs of this run; times no further apart than the joint resolution of both are tied. Nothing is said of times that had not settled, where others had.",
  "median of: fresh processes, or samples where there was one process.",
  "settled: empty if the times had stopped changing; no, if they had not within their time; untested, if the samples are too few to tell. Only a settled cell is called the fastest.",
  "of copy: logits and gradient over that time, as a share of the machine's copy bandwidth with as many threads; empty where they fit in cache.",
  "ULP: representable numbers between an entry and the correctly rounded one, from a double-double oracle.",
  "rel. L2: ‖g − g*‖₂ / ‖g*‖₂ against the oracle.",
  RANGE_LEGEND,
  "Σ|a − b|: summed absolute difference of two methods on one backend – a distance, not an error.",
  "speed-up: median time of the automatic gradient over that of the hand-written one, or the reverse, a slowdown; =: a tie; unsettled, untested: so is one of the two times.",
  "cold start: process start to first gradient. Peak memory: largest resident set of a measuring process.",
  "docs/methodology.md argues every choice.",
];

export const section = (heading: string, items: readonly string[]): Block[] =>
  items.length === 0
    ? []
    : [
        { kind: "heading", level: 2, text: heading },
        { kind: "list", items },
      ];

const paragraph = (text: string | undefined, emphasis = false): Block[] =>
  text ? [{ kind: "paragraph", text, emphasis }] : [];

function workloadBlocks(workload: WorkloadView, detail: Detail): Block[] {
  return [
    { kind: "heading", level: 2, text: workload.heading },
    ...(workload.ranked.length ? [gradientTable(workload.ranked)] : []),
    ...paragraph(workload.resolution),
    ...absentBlocks(workload.absent, detail),
    ...(workload.distances.length
      ? ([
          { kind: "heading", level: 3, text: "By hand against automatic" },
          distanceTable(workload.distances),
        ] satisfies Block[])
      : []),
    ...workload.verdicts.flatMap((verdict) => paragraph(verdict, true)),
    ...workload.references.flatMap((comparison) => paragraph(comparison)),
  ];
}

const gradientTable = (ranked: readonly RankedRow[]): Block => ({
  kind: "table",
  header: [
    "dtype",
    "backend",
    "method",
    "gradient",
    "±",
    "median of",
    "settled",
    "ratio",
    "of copy",
    "max ULP",
    "p99 ULP",
    "rel. L2",
    "non-finite",
    ...RANGE_COLUMNS,
  ],
  numeric: [3, 4, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
  optional: [8, 5, 10, 6, 9],
  rows: ranked.map(({ achieved, error, timing, ...cell }) => [
    cell.dtype,
    cell.backend,
    cell.method,
    formatDuration(timing.medianNs),
    // The resolution is that of settled times, if there are any.
    cell.rank !== undefined || hasSettled({ timing }) ? formatPercent(cell.resolution) : "",
    describeObservations(timing),
    SETTLED[timing.steadiness ?? "settled"],
    `${cell.tied ? "= " : ""}${formatRatio(cell.ratio)}`,
    achieved && !achieved.inCache ? formatPercent(achieved.share) : "",
    formatCount(error.maxUlp),
    formatCount(error.p99Ulp),
    formatError(error.relL2),
    error.nonFinite ? formatCount(error.nonFinite) : "",
    ...rangeCells(error),
  ]),
});

const SETTLED: Readonly<Record<Steadiness, string>> = { settled: "", unsettled: "no", untested: "untested" };

const distanceTable = (distances: readonly ComparedMethods[]): Block => ({
  kind: "table",
  header: [
    "dtype",
    "backend",
    "by hand (a)",
    "automatic (b)",
    "Σ|a − b|",
    "rel. L2",
    "max ULP",
    "|Δ loss|",
    "speed-up",
  ],
  numeric: [4, 5, 6, 7, 8],
  optional: [7, 6, 5],
  rows: distances.map(({ dtype, backend, a, b, sumAbs, relL2, maxUlp, loss, shownSpeedup }) => [
    dtype,
    backend,
    a,
    b,
    formatError(sumAbs),
    formatError(relL2),
    formatCount(maxUlp),
    loss === undefined ? "" : formatError(loss),
    shownSpeedup,
  ]),
});

function backendTable(backends: readonly BackendRecord[], machines: readonly MachineView[]): Block {
  const several = machines.length > 0;
  return {
    kind: "table",
    header: [
      ...["backend", "runtime", "device", "threads", "cold start", "peak memory"],
      ...(several ? ["on"] : []),
    ],
    numeric: [3, 4, 5],
    optional: [5, 3],
    rows: backends.map(
      ({ id, reference, machine, status, engine, device, threads, coldStartNs, peakRssBytes }) => [
        reference ? `${id} (reference)` : id,
        ...(status === "unavailable"
          ? ["unavailable", "", "", "", ""]
          : [
              engine ? `${engine.name} ${engine.version}` : "",
              formatDevice(device),
              threads?.toString() ?? "",
              coldStartNs === undefined ? "" : formatDuration(coldStartNs),
              peakRssBytes === undefined ? "" : formatBytes(peakRssBytes),
            ]),
        ...(several ? [machines.find((known) => known.id === machine)?.label ?? ""] : []),
      ],
    ),
  };
}

/** Differences and similarities of machines: the ratio to each machine's fastest, and the gradient's bits. */
function acrossBlocks({ machines, across }: ReportView): Block[] {
  if (machines.length === 0) return [];
  const labels = machines.map(({ label }) => label);
  return [
    { kind: "heading", level: 2, text: "Across machines" },
    {
      kind: "paragraph",
      text: across.length
        ? "Cells that several machines measured. Ratios are to the fastest on the same machine; times of two machines are not compared."
        : "No cell was measured on two machines: times in different tables are not comparable.",
    },
    ...(across.length
      ? ([
          {
            kind: "table",
            header: [
              ...["workload", "dtype", "backend", "method"],
              ...labels.map((label) => `ratio on ${label}`),
              ...labels.map((label) => `rel. L2 on ${label}`),
              "gradients",
            ],
            numeric: [...labels, ...labels].map((_, index) => 4 + index),
            rows: across.map(({ workload, dtype, backend, method, on, sameBits }) => [
              ...[workload, dtype, backend, method],
              ...on.map((one) =>
                one
                  ? `${one.tied ? "= " : ""}${formatRatio(one.ratio)} (${formatTime(one.medianNs, one.steadiness)})`
                  : "",
              ),
              ...on.map((one) => (one ? formatError(one.relL2) : "")),
              sameBits === undefined ? "" : sameBits ? "same bits" : "differ",
            ]),
          },
        ] satisfies Block[])
      : []),
  ];
}

/** The reason is shortened so that the remedy after it stays readable. */
export function unavailableList(backends: readonly BackendRecord[]): Block[] {
  const items = backends
    .filter(({ status }) => status === "unavailable")
    .map(({ id, reason = "no reason given", remedy }) =>
      [`${id} is unavailable: ${shorten(reason, 300)}`, ...(remedy ? [remedy] : [])].join("; "),
    );
  return items.length === 0 ? [] : [{ kind: "list", items }];
}

export function formatDevice(device: BackendRecord["device"]): string {
  if (!device) return "";
  const caution = device.kind === "software-gpu" ? ", times not representative" : "";
  return `${device.kind} (${device.name}${caution})`;
}

function absentBlocks(absent: readonly Cell[], detail: Detail): Block[] {
  if (absent.length === 0) return [];
  if (detail === "brief") return absentList(absent);
  return [
    {
      kind: "table",
      header: ["dtype", "backend", "method", "status", "reason"],
      numeric: [],
      rows: absent.map(({ dtype, backend, method, status, reason = "" }) => [
        dtype,
        backend,
        method,
        status,
        reason,
      ]),
    },
  ];
}
