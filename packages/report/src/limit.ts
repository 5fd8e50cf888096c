import { type Cell, namePlaces, type Results } from "@softmax-bench/core";
import type { Block } from "./block.js";
import { formatDuration, formatRatio } from "./format.js";

/** The time of native code for one workload. */
export interface NativeTime {
  readonly workload: string;
  readonly dtype: Cell["dtype"];
  readonly threads: number;
  readonly medianNs: number;
}

interface Row {
  readonly cell: Cell;
  readonly threads: number;
  readonly medianNs: number;
  readonly nativeNs: number;
}

/**
 * Compares the gradients of a run with native code with as many threads: for each backend, the fastest method and
 * `manual/fused`.
 */
export function limitBlocks(results: Results, native: readonly NativeTime[], compiler: string): Block[] {
  const { cells, backends } = namePlaces(results);
  const rows = cells.flatMap((cell): Row[] => {
    const backend = backends.find(({ id }) => id === cell.backend);
    const threads = backend?.threads ?? 1;
    const medianNs = cell.timing?.gradient?.medianNs;
    const limit = native.find(
      (one) => one.workload === cell.workload && one.dtype === cell.dtype && one.threads === threads,
    );
    return medianNs && limit && backend?.device?.kind === "cpu"
      ? [{ cell, threads, medianNs, nativeNs: limit.medianNs }]
      : [];
  });
  const place = ({ cell }: Row) => JSON.stringify([cell.workload, cell.dtype, cell.backend]);
  const fastest = new Map<string, Row>();
  for (const row of rows.toSorted((a, b) => b.medianNs - a.medianNs)) fastest.set(place(row), row);
  const shown = rows
    .filter((row) => row === fastest.get(place(row)) || row.cell.method === "manual/fused")
    .toSorted(
      (a, b) =>
        a.cell.workload.localeCompare(b.cell.workload) ||
        a.cell.dtype.localeCompare(b.cell.dtype) ||
        a.medianNs - b.medianNs,
    );
  return [
    {
      kind: "table",
      header: ["workload", "dtype", "backend", "method", "threads", "gradient", "native", "ratio"],
      numeric: [4, 5, 6, 7],
      rows: shown.map(({ cell, threads, medianNs, nativeNs }) => [
        ...[cell.workload, cell.dtype, cell.backend, cell.method, String(threads)],
        ...[formatDuration(medianNs), formatDuration(nativeNs), formatRatio(medianNs / nativeNs)],
      ]),
    },
    {
      kind: "paragraph",
      text: `Native: tools/native-limit, ${compiler}, as many threads as the backend has; medians. The run was measured before, not in turns.`,
    },
  ];
}
