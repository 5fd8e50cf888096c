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
export { countNonFinite } from "./metrics/non-finite.js";
export { type ErrorNorms, type ExactValues, errorNorms } from "./metrics/relative.js";
export { largestRowSum } from "./metrics/row-sum.js";
export {
  type UlpDistribution,
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
export { type Dtype, roundReference, roundToFloat32 } from "./round.js";
