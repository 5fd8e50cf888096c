export { wilsonInterval } from "./binomial.js";
export {
  type ChangePointOptions,
  FEWEST_TO_SPLIT,
  findChangePoints,
  sharedAutocorrelation,
} from "./change-points.js";
export { type Centre, hodgesLehmann } from "./hodges-lehmann.js";
export { holm } from "./holm.js";
export { type Interval, medianInterval } from "./interval.js";
export { powerLawExponent } from "./power-law.js";
export { estimateResolution, type Replicates, replicateDifferences } from "./resolution.js";
export { median, medianAbsoluteDeviation, quantile } from "./robust.js";
export { estimateShift, type Shift } from "./shift.js";
export { signFlipTest } from "./sign-flip.js";
export { FEWEST_TO_TEST, type Steadiness, testSteadiness } from "./steadiness.js";
export { type Summary, summarize } from "./summary.js";
export { areTied, jointResolution, type ResolvedTime, rankWithTies } from "./ties.js";
export { rankSumTest, welchTest } from "./two-samples.js";
