import type { Accuracy, CellStatus, FloatArray } from "@softmax-bench/core";
import { absentList } from "./absent.js";
import type { Block } from "./block.js";
import { formatCount, formatError } from "./format.js";
import { RANGE_COLUMNS, rangeCells } from "./range.js";

/** One method's gradient of a user's arrays on one backend, or the reason why there is none. */
export type GradientRecord =
  | {
      readonly backend: string;
      readonly method: string;
      readonly status: "ok";
      readonly note: string | undefined;
      /** The loss: one entry, or one per row. */
      readonly loss: FloatArray;
      readonly gradient?: FloatArray;
      readonly lossRelError: number;
      readonly gradientError: Accuracy["gradient"];
    }
  | {
      readonly backend: string;
      readonly method: string;
      readonly status: Exclude<CellStatus, "ok">;
      readonly reason: string;
    };

/** Shows every gradient with its errors against the oracle, and what did not run. */
export function gradientBlocks(records: readonly GradientRecord[]): Block[] {
  const computed = records.flatMap((record) => (record.status === "ok" ? [record] : []));
  return [
    {
      kind: "table",
      header: [
        ...["backend", "method", "loss", "loss rel. error"],
        ...["max ULP", "p99 ULP", "rel. L2", "max / largest", "Σ of a row", "non-finite", ...RANGE_COLUMNS],
      ],
      numeric: [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
      optional: [7, 3, 5],
      rows: computed.map(({ backend, method, loss, lossRelError, gradientError: of }) => [
        backend,
        method,
        loss.length === 1 ? String(loss[0]) : `${loss.length} rows`,
        formatError(lossRelError),
        formatCount(of.maxUlp),
        formatCount(of.p99Ulp),
        formatError(of.relL2),
        of.scaledMaxAbs === undefined ? "" : formatError(of.scaledMaxAbs),
        formatError(of.rowSumResidual),
        of.nonFinite ? formatCount(of.nonFinite) : "",
        ...rangeCells(of),
      ]),
    },
    ...absentList(records.flatMap((record) => (record.status === "ok" ? [] : [record]))),
  ];
}
