import { findChangePoints, sharedAutocorrelation } from "../../src/index.js";
import { type NoiseKind, noiseOf } from "./noise.js";

/** Series of one history share their noise: as many as a table of 40 cells. */
const SHARING = 40;

/** A level that changes by some standard deviations after some runs. */
interface Scenario {
  readonly kind: NoiseKind;
  readonly before: number;
  readonly after: number;
  readonly shift: number;
  readonly series: number;
  /** True if a series is alone, so that its autocorrelation has to be estimated from it. */
  readonly alone?: boolean;
}

/** Change points of simulated series, a list for each. */
function simulate({ kind, before, after, shift, series, alone }: Scenario): number[][] {
  const noise = noiseOf(20_140_102)[kind];
  const found: number[][] = [];
  const size = alone ? 1 : SHARING;
  while (found.length < series) {
    const group = Array.from({ length: size }, () => {
      const draw = noise();
      return Array.from({ length: before + after }, (_, index) => draw() + (index >= before ? shift : 0));
    });
    const autocorrelation = sharedAutocorrelation(group);
    for (const values of group) found.push(findChangePoints(values, { autocorrelation, seed: found.length }));
  }
  return found.slice(0, series);
}

/** False alarms in 1,000 series without a change. */
export const falseAlarms = (kind: NoiseKind, runs: number, series: number, alone = false): number => {
  const found = simulate({ kind, before: runs, after: 0, shift: 0, series, alone });
  return (1000 * found.filter(({ length }) => length > 0).length) / series;
};

/** Share of changes that are found, at most two runs from where they are. */
export function detection(
  kind: NoiseKind,
  before: number,
  after: number,
  shift: number,
  series: number,
): number {
  const found = simulate({ kind, before, after, shift, series });
  return found.filter((changes) => changes.some((at) => Math.abs(at - before) <= 2)).length / series;
}
