export { standsOut } from "./fence.js";
export { type Centre, hodgesLehmann } from "./hodges-lehmann.js";
export { holm } from "./holm.js";
export { type Interval, medianInterval } from "./interval.js";
export { powerLawExponent } from "./power-law.js";
export { median, medianAbsoluteDeviation, quantile } from "./robust.js";
export { signFlipTest } from "./sign-flip.js";
export { type Summary, summarize } from "./summary.js";
export { overlaps, tiedWithFastest } from "./ties.js";
