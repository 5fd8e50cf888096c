export {
  assessGradient,
  assessLoss,
  type Distance,
  distance,
  type GradientError,
} from "./assess.js";
export { add, type DoubleDouble, divide, fromNumber, multiply, negate } from "./double-double/arithmetic.js";
export type { DoubleDoubleArray } from "./double-double/array.js";
export { exp } from "./double-double/exp.js";
export { log, log1p } from "./double-double/log.js";
export type { FloatArray } from "./float-array.js";
export { FORMAT_IDS, FORMATS, type FormatId, type NumberFormat } from "./formats.js";
export type { GroupErrors, JudgedNumber, Scale } from "./judge/error-group.js";
export {
  type EntryGroup,
  type EntryKind,
  type GradientJudgement,
  judgeGradient,
  judgeLoss,
  type SpecialEntries,
} from "./judge/judge.js";
export { type RowTargets, rowTargets } from "./judge/row-targets.js";
export { countNonFinite } from "./metrics/non-finite.js";
export { type ErrorNorms, type ExactValues, errorNorms } from "./metrics/relative.js";
export { largestRowSum, type RowSum } from "./metrics/row-sum.js";
export {
  type UlpDistribution,
  ulpDistance,
  ulpDistanceFloat32,
  ulpDistanceFloat64,
  ulpDistribution,
} from "./metrics/ulp.js";
export { oracle, type Reference } from "./oracle.js";
export {
  type Problem,
  type ProblemOptions,
  type Reduction,
  requireLabels,
  requireOptions,
  requireProbabilities,
  requireShape,
  requireUpstream,
  requireValid,
  requireWeights,
} from "./problem.js";
export { roundReference, roundToFloat32, roundToFormat } from "./round.js";
