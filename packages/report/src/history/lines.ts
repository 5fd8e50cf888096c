import {
  contextOf,
  describeRange,
  describeRest,
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

/** The changes of a branch for a terminal: regressions, improvements, and one line on the rest. */
export const historyLines = ({ series }: History): string[] => [
  ...section("regression", findings(series, "regression")),
  ...section("improvement", findings(series, "improvement")),
  describeRest(series),
];

function section(name: string, found: readonly Finding[]): string[] {
  if (found.length === 0) return [];
  const rest = found.length - MOST_LINES;
  return [
    `${found.length} ${name}${found.length === 1 ? "" : "s"}:`,
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
