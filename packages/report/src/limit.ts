import { busyMachine, type Cell, namePlaces, type Results } from "@softmax-bench/core";
import type { Block } from "./block.js";
import { DEFAULT_CONSTRAINTS, isWithinBound, RECOMMENDED_ROUNDOFFS } from "./constraints.js";
import { formatDuration, formatError, formatPercent, formatRatio, formatTime } from "./format.js";
import { areCellsTied, hasSettled, type RankedCell, rank } from "./ranking.js";

/** The time of native code for one workload. */
export interface NativeTime {
  readonly workload: string;
  readonly dtype: Cell["dtype"];
  readonly threads: number;
  readonly medianNs: number;
}

interface Row extends RankedCell {
  readonly workload: string;
  readonly threads: number;
  readonly nativeNs: number;
}

/**
 * Compares the gradients of a run with native code with as many threads: for each backend, the fastest method whose times
 * had settled and whose error is within the bound, those tied with it, and `manual/fused`. Without such a method, the
 * fastest of all, which its row marks.
 */
export function limitBlocks(unnamed: Results, native: readonly NativeTime[], compiler: string): Block[] {
  const results = namePlaces(unnamed);
  const busy = busyMachine(results);
  const shown = [...groupByPlace(results.cells).values()]
    .flatMap((cells) => choose(toRows(cells, results, native)))
    .toSorted(
      (a, b) =>
        a.workload.localeCompare(b.workload) ||
        a.dtype.localeCompare(b.dtype) ||
        a.timing.medianNs - b.timing.medianNs,
    );
  return [
    ...(busy ? [{ kind: "paragraph", text: busy, emphasis: true } as const] : []),
    {
      kind: "table",
      header: [
        ...["workload", "dtype", "backend", "method", "threads"],
        ...["gradient", "±", "rel. L2", "native", "ratio"],
      ],
      numeric: [4, 5, 6, 7, 8, 9],
      rows: shown.map(
        ({ workload, dtype, backend, method, threads, timing, resolution, rank: place, error, nativeNs }) => [
          ...[workload, dtype, backend, method, String(threads)],
          ...[
            formatTime(timing.medianNs, timing.steadiness),
            // The resolution is that of settled times, if there are any.
            place !== undefined || hasSettled({ timing }) ? formatPercent(resolution) : "",
            formatError(error.relL2),
          ],
          ...[formatDuration(nativeNs), formatRatio(timing.medianNs / nativeNs)],
        ],
      ),
    },
    {
      kind: "paragraph",
      text:
        `Of each backend: manual/fused, and the fastest gradient that had settled within ${RECOMMENDED_ROUNDOFFS} unit roundoffs of relative L2 error, with those tied with it, or the fastest of all if there is none. ±: the resolution of that time. ` +
        `Native: tools/native-limit, ${compiler}, as many threads as the backend has; medians. The run was measured before, not in turns.`,
    },
  ];
}

/** Cells by workload, dtype and backend. */
function groupByPlace(cells: readonly Cell[]): Map<string, Cell[]> {
  const groups = new Map<string, Cell[]>();
  for (const cell of cells) {
    const key = JSON.stringify([cell.workload, cell.dtype, cell.backend]);
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  return groups;
}

/** The measured cells of one workload, dtype and backend, fastest first; none without a native time. */
function toRows(cells: readonly Cell[], results: Results, native: readonly NativeTime[]): Row[] {
  const [first] = cells;
  const backend = results.backends.find(({ id }) => id === first?.backend);
  if (!first || backend?.device?.kind !== "cpu") return [];
  const { workload, dtype } = first;
  const { threads = 1 } = backend;
  const limit = native.find(
    (one) => one.workload === workload && one.dtype === dtype && one.threads === threads,
  );
  if (!limit) return [];
  return rank(cells, results).map((cell) => ({ ...cell, workload, threads, nativeNs: limit.medianNs }));
}

/** @param rows of one backend, fastest first */
function choose(rows: readonly Row[]): Row[] {
  const qualified = rows.filter((row) => hasSettled(row) && isWithinBound(row, DEFAULT_CONSTRAINTS.error));
  const fastest = qualified[0] ?? rows[0];
  return rows.filter(
    (row) =>
      row === fastest ||
      row.method === "manual/fused" ||
      (qualified.includes(row) && fastest !== undefined && areCellsTied(fastest, row)),
  );
}
