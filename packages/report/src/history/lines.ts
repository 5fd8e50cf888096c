import { plural } from "@softmax-bench/core";
import {
  contextOf,
  describeRange,
  describeRest,
  describeShared,
  type Finding,
  findings,
  formatSize,
  formatSizeInterval,
  formatValue,
  type History,
  titleOf,
} from "./history.js";

/** More changes than this are left to the page. */
const MOST_LINES = 40;

/** The changes of a branch for a terminal: for the worse, for the better, those that may be the reference's, and one line on the rest. */
export const historyLines = ({ series }: History): string[] => [
  ...section("worse", findings(series, "regression")),
  ...section("better", findings(series, "improvement")),
  ...describeShared(series),
  describeRest(series),
];

function section(direction: "worse" | "better", found: readonly Finding[]): string[] {
  if (found.length === 0) return [];
  const rest = found.length - MOST_LINES;
  return [
    `${plural(found.length, "change")} for the ${direction}:`,
    ...found.slice(0, MOST_LINES).flatMap(changeLines),
    ...(rest > 0 ? [`  … and ${rest} more, on the page`] : []),
  ];
}

function changeLines({ series, change }: Finding): string[] {
  const size = `${formatSize(change.size)} ${formatSizeInterval(change)}`;
  const values = `${formatValue(series, change.before)} → ${formatValue(series, change.after)}`;
  return [
    `  ${size} ${titleOf(series)}: ${values}`,
    `    ${[describeRange(change), contextOf(series), ...change.causes].join("; ")}`,
  ];
}
