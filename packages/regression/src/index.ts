export { type Block, orderOf, type Role } from "./blocks.js";
export { combineVerdicts, compare, gradientsOf, type Names, notComparedOf, sidesOf } from "./compare.js";
export {
  type CellComparison,
  type CellId,
  type Comparison,
  type NotCompared,
  type Outcome,
  outcomeOf,
  tally,
  VERDICTS,
  type Verdict,
  worstOf,
} from "./comparison.js";
export { compareErrors, type ErrorComparison, type Gradients } from "./error.js";
export { causesOf, differencesOf } from "./fingerprint.js";
export {
  cellId,
  differing,
  gateComparison,
  measurable,
  mergedSide,
  nondeterministic,
  type ProcessRun,
  routedOf,
} from "./gate.js";
export { DEFAULT_LIMITS, type Limits } from "./limits.js";
export { decide, decidingBlocks, isRouted, notRouted, ROUTING_BLOCKS } from "./procedure.js";
export { MOST_BLOCKS, percent, type TimeComparison, timeChange } from "./time.js";
