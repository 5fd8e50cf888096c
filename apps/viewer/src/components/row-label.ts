import type { Cell } from "@softmax-bench/core";
import { shortName } from "./choices.js";

/** The label of a cell's row in a chart; `~` marks times that had not settled, as on the map. */
export const rowLabel = ({ backend, method }: Pick<Cell, "backend" | "method">, isSettled: boolean): string =>
  `${isSettled ? "" : "~ "}${shortName(backend)} ${shortName(method)}`;

/** The meaning of that mark, at the end of a caption; empty if all had settled. */
export const explainMark = (areAllSettled: boolean): string =>
  areAllSettled ? "" : "; ~ marks times that had not settled, which come last";
