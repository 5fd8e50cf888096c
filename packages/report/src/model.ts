/**
 * The content of reports, independent of presentation: a separate entry point that also runs in a browser. Terminal,
 * Markdown and page all use it, so they never disagree.
 */

export { type Achieved, achievedBandwidth } from "./bandwidth.js";
export type { Block } from "./block.js";
export {
  type Absence,
  type CellMap,
  cellMap,
  type FoldedGroup,
  isWinning,
  type MapCell,
  type MapColumn,
  type Standing,
} from "./cell-map.js";
export { comparisonBlocks, verdictWord } from "./comparison.js";
export {
  type Constraints,
  DEFAULT_CONSTRAINTS,
  describeBound,
  ERROR_MEASURES,
  type ErrorLimit,
  type ErrorMeasure,
  errorBound,
  isInUlp,
  measuredError,
} from "./constraints.js";
export { depthView } from "./depth.js";
export { FASTEST_LEGEND, fastestRow } from "./fastest.js";
export * from "./format.js";
export { headline } from "./headline.js";
export { hostsBlocks, hostsView } from "./hosts.js";
export { splitByMachine } from "./machines.js";
export { precisionView } from "./precision.js";
export { RANGE_COLUMNS, rangeCells } from "./range.js";
export {
  areCellsTied,
  countsInSeries,
  hasSettled,
  type RankedCell,
  type RankedPhase,
  rank,
  referenceIds,
} from "./ranking.js";
export {
  collectQuestions,
  type RecommendedGradient,
  rankedCells,
  recommendEach,
} from "./recommend.js";
export { againstReferences } from "./references.js";
export { describeProgress, type RunView, runView } from "./run-view.js";
export {
  FIT_HEADER,
  fitRow,
  heldMemory,
  MEMORY_HEADER,
  memoryRow,
  scalingView,
  type TimedShape,
} from "./scaling.js";
export { resolveSpeedup, showSpeedup } from "./speedup.js";
export { describeTimeTrust, describeTrust } from "./trust.js";
export { oneLine } from "./untrusted.js";
export { describeUnsettled, soFar, verdictOn } from "./verdict.js";
export { type ReportView, reportView } from "./view.js";
