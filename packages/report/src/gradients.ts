import type { FloatDType } from "@softmax-bench/core";
import { absentList } from "./absent.js";
import { bestBlocks, timeOf } from "./best-gradient.js";
import type { Block } from "./block.js";
import { formatCount, formatError, formatTime } from "./format.js";
import type { GradientRecord } from "./gradient-record.js";
import { RANGE_COLUMNS, rangeCells } from "./range.js";

/**
 * Shows every gradient with its time and its errors against the oracle, what did not run, and the best one.
 *
 * @param busy the reason to doubt the times, if there is one
 */
export function gradientBlocks(
  records: readonly GradientRecord[],
  dtype: FloatDType,
  busy?: string,
): Block[] {
  const computed = records.flatMap((record) => (record.status === "ok" ? [record] : []));
  return [
    ...(busy ? ([{ kind: "paragraph", text: busy, emphasis: true }] satisfies Block[]) : []),
    {
      kind: "table",
      header: [
        ...["backend", "method", "time", "loss", "loss rel. error"],
        ...["max ULP", "p99 ULP", "rel. L2", "max / largest", "Σ of a row", "non-finite", ...RANGE_COLUMNS],
      ],
      numeric: [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
      optional: [8, 4, 6],
      rows: computed.map((record) => {
        const { backend, method, loss, lossRelError, gradientError: of } = record;
        return [
          backend,
          method,
          record.mediansNs.length > 0 ? formatTime(timeOf(record), record.steadiness) : "",
          loss.length === 1 ? String(loss[0]) : `${loss.length} rows`,
          formatError(lossRelError),
          formatCount(of.maxUlp),
          formatCount(of.p99Ulp),
          formatError(of.relL2),
          of.scaledMaxAbs === undefined ? "" : formatError(of.scaledMaxAbs),
          formatError(of.rowSumResidual),
          of.nonFinite ? formatCount(of.nonFinite) : "",
          ...rangeCells(of),
        ];
      }),
    },
    ...absentList(records.flatMap((record) => (record.status === "ok" ? [] : [record]))),
    ...bestBlocks(records, dtype),
  ];
}
