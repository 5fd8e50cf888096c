import { type Cell, type CellStatus, plural } from "@softmax-bench/core";
import { absentList } from "./absent.js";
import type { Block } from "./block.js";
import { formatError } from "./format.js";

/** The entry of a gradient that uses most of its tolerance. */
interface Worst {
  readonly error: number;
  readonly tolerance: number;
  /** Error over tolerance. */
  readonly ratio: number;
}

/** The result of a gradient check of one method on one backend in one dtype. */
export type GradcheckRecord = Pick<Cell, "backend" | "method" | "dtype"> &
  (
    | { readonly status: "ok"; readonly oracle: Worst; readonly differences: Worst }
    | { readonly status: Exclude<CellStatus, "ok">; readonly reason: string }
  );

/** One line per method, with tolerances, followed by the origin of these. */
export function gradcheckBlocks(records: readonly GradcheckRecord[], derivation: readonly string[]): Block[] {
  const checked = records.flatMap((record) => (record.status === "ok" ? [record] : []));
  const failed = checked.filter(({ oracle, differences }) => !(oracle.ratio <= 1 && differences.ratio <= 1));
  const columns = ({ error, tolerance, ratio }: Worst) => [
    formatError(error),
    formatError(tolerance),
    Number.isFinite(ratio) ? ratio.toFixed(2) : "∞",
  ];
  return [
    {
      kind: "table",
      header: [
        ...["dtype", "backend", "method", "vs oracle", "tolerance", "ratio"],
        ...["vs differences", "tolerance", "ratio", ""],
      ],
      numeric: [3, 4, 5, 6, 7, 8],
      optional: [7, 4],
      rows: checked.map((record) => [
        record.dtype,
        record.backend,
        record.method,
        ...columns(record.oracle),
        ...columns(record.differences),
        failed.includes(record) ? "FAILS" : "ok",
      ]),
    },
    ...absentList(records.flatMap((record) => (record.status === "ok" ? [] : [record]))),
    { kind: "list", items: derivation },
    {
      kind: "paragraph",
      text: `Within their tolerances: ${checked.length - failed.length} of ${plural(checked.length, "gradient")}.`,
      emphasis: true,
    },
  ];
}
