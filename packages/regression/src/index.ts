export { type Block, drawOrder, type Role } from "./blocks.js";
export { collectGradients, combineVerdicts, compare, type Names, toNotCompared, toSides } from "./compare.js";
export {
  type CellComparison,
  type CellId,
  type Comparison,
  errorsOnly,
  type NotCompared,
  type Outcome,
  tally,
  toOutcome,
  VERDICTS,
  type Verdict,
  withInstructions,
  worstVerdict,
} from "./comparison.js";
export { type ComparedCell, cellsAndCurves, isCurve, selectCells } from "./curves.js";
export { compareErrors, type ErrorComparison, type Gradients } from "./error.js";
export { findCauses, findDifferences } from "./fingerprint.js";
export {
  cellId,
  differing,
  gateComparison,
  lowerDecile,
  measurable,
  nondeterministic,
  routedKeys,
} from "./gate.js";
export { type HistoryRun, toHistoryRun } from "./history-run.js";
export {
  CONFIRMING_PROCESSES,
  callsForMore,
  DECIDING_PROCESSES,
  decideInstructions,
  type InstructionComparison,
  type InstructionCounts,
  settledByOne,
} from "./instructions.js";
export { DEFAULT_LIMITS, type Limits } from "./limits.js";
export { mergedSide } from "./merged-side.js";
export { decide, decidingBlocks, isRouted, notRouted, ROUTING_BLOCKS } from "./procedure.js";
export type { ProcessRun } from "./process-run.js";
export { collectSeries, type Series, type SeriesPoint } from "./series.js";
export { findSharedChanges, type SharedChange } from "./shared-changes.js";
export { MOST_BLOCKS, percent, type TimeComparison, timeChange } from "./time.js";
export { type Change, LEAST_CHANGE, type TrackedSeries, trackChanges } from "./track.js";
