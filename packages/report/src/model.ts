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
  type Folded,
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
  type ErrorMeasure,
  errorBound,
  isUsable,
  RECOMMENDED_ROUNDOFFS,
} from "./constraints.js";
export { type DepthView, depthView, relativeDifferences } from "./depth.js";
export { type FastestRow, fastestRow } from "./fastest.js";
export * from "./format.js";
export { type Headline, headline } from "./headline.js";
export { type HostsView, hostsView, startRows } from "./hosts.js";
export { apart } from "./machines.js";
export { type PrecisionView, precisionView } from "./precision.js";
export { RANGE_COLUMNS, rangeCells } from "./range.js";
export { hasSettled, isMeasured, type RankedCell, type RankedPhase, rank, referenceIds } from "./ranking.js";
export {
  collectQuestions,
  type Question,
  type Recommendation,
  type RecommendedGradient,
  rankedCells,
  recommend,
  recommendEach,
} from "./recommend.js";
export { againstReferences } from "./references.js";
export { type RunView, runView } from "./run-view.js";
export {
  FIT_HEADER,
  fitRow,
  type HeldMemory,
  heldMemory,
  MEMORY_HEADER,
  memoryRow,
  type ScalingView,
  scalingView,
  type TimedShape,
} from "./scaling.js";
export { describeTrust } from "./trust.js";
export { oneLine } from "./untrusted.js";
export { verdictOn } from "./verdict.js";
export { type ReportView, reportView, type WorkloadView } from "./view.js";
