import { type Cell, cellKey, plural, type Results } from "@softmax-bench/core";
import { timeChange } from "@softmax-bench/regression";
import { median, standsOut } from "@softmax-bench/stats";
import { formatDuration, formatError } from "./format.js";
import { oneLine } from "./untrusted.js";

/** A cell in one run. */
interface Point {
  readonly run: string;
  readonly commit: string | null;
  readonly ns: number;
  readonly relL2: number | undefined;
}

/** The identity of a series: the same cell on the same machine with the same JavaScript runtime. */
const machineKey = ({ environment: { cpu, cores, simd, node } }: Results): string =>
  [cpu, plural(cores, "core"), ...(simd ? [simd] : []), `Node ${node}`].join(", ");

/** Renders times and errors over runs of one branch as an HTML page without scripts. @param runs oldest first */
export function historyPage(branch: string, runs: readonly Results[]): string {
  const machines = new Map<string, Results[]>();
  for (const results of runs) {
    const machine = machineKey(results);
    machines.set(machine, [...(machines.get(machine) ?? []), results]);
  }
  const sections = [...machines].map(
    ([machine, own]) =>
      `<h2>${escapeHtml(machine)}</h2><p>${plural(own.length, "run")}, ${day(own.at(0))} to ${day(own.at(-1))}</p>${table(own)}`,
  );
  const title = `softmax-bench: ${escapeHtml(branch)}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title><style>${STYLE}</style></head>
<body><h1>${title}</h1>
<p>Median time of loss and gradient per run; the change is from the median of all runs before the last one, and marked where it
stands out from what earlier runs did (docs/regression-gate.md).</p>
${sections.join("\n") || "<p>No run yet.</p>"}
</body></html>
`;
}

const STYLE =
  "body{font:14px system-ui;margin:2em;color-scheme:light dark}td,th{padding:.2em .8em;text-align:right}td:first-child,th:first-child{text-align:left}.out{font-weight:bold}polyline{fill:none;stroke:currentColor}";

const day = (results: Results | undefined): string => results?.run.startedAt.slice(0, 10) ?? "";

function table(runs: readonly Results[]): string {
  const series = new Map<string, Point[]>();
  for (const results of runs) {
    for (const cell of results.cells) {
      const point = toPoint(results, cell);
      if (!point) continue;
      const points = series.get(cellKey(cell));
      if (points) points.push(point);
      else series.set(cellKey(cell), [point]);
    }
  }
  const rows = [...series].map(([key, points]) => row(key, points));
  const header = ["cell", "runs", "times", "last", "change", "rel. L2", "was"];
  return `<table><tr>${header.map((name) => `<th>${name}</th>`).join("")}</tr>${rows.join("\n")}</table>`;
}

function toPoint({ run }: Results, { status, timing, accuracy }: Cell): Point | undefined {
  const ns = timing?.gradient?.medianNs;
  if (status !== "ok" || !ns) return undefined;
  return { run: run.id, commit: run.commit, ns, relL2: accuracy?.gradient.relL2 };
}

function row(key: string, points: readonly Point[]): string {
  const logs = points.map(({ ns }) => Math.log(ns));
  const steps = logs.slice(1).map((log, index) => log - (logs[index] as number));
  const last = points.at(-1) as Point;
  const before = points.slice(0, -1);
  const change = before.length ? last.ns / median(before.map(({ ns }) => ns)) - 1 : undefined;
  const outstanding = steps.length > 0 && standsOut(steps.at(-1) as number, steps.slice(0, -1));
  const errors = points.flatMap(({ relL2 }) => relL2 ?? []);
  const cells = [
    escapeHtml(key),
    String(points.length),
    sparkline(logs),
    `<span title="${escapeHtml(last.commit ?? last.run)}">${formatDuration(last.ns)}</span>`,
    change === undefined
      ? ""
      : `<span${outstanding ? ' class="out"' : ""}>${timeChange(change)}${outstanding ? " !" : ""}</span>`,
    errors.length ? formatError(errors.at(-1) as number) : "",
    errors.length > 1 && errors.at(-1) !== errors.at(-2) ? formatError(errors.at(-2) as number) : "",
  ];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}

const [WIDTH, HEIGHT] = [160, 24];

/** Draws values from left to right; a range below 10 % is drawn as 10 %, so that noise looks small. */
function sparkline(logs: readonly number[]): string {
  const middle = (Math.max(...logs) + Math.min(...logs)) / 2;
  const range = Math.max(0.1, Math.max(...logs) - Math.min(...logs));
  const x = (index: number) => (logs.length === 1 ? WIDTH / 2 : (index / (logs.length - 1)) * WIDTH);
  const y = (log: number) => HEIGHT / 2 - ((log - middle) / range) * (HEIGHT - 4);
  const points = logs.map((log, index) => `${x(index).toFixed(1)},${y(log).toFixed(1)}`).join(" ");
  return `<svg width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${logs.length} times"><polyline points="${points}"/></svg>`;
}

const escapeHtml = (text: string): string =>
  oneLine(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
