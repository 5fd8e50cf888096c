import { plural } from "@softmax-bench/core";
import { type Centre, hodgesLehmann, holm, median, signFlipTest } from "@softmax-bench/stats";
import { type Block, controlLogRatio, slowdownLogRatio } from "./blocks.js";
import { ABSOLUTE_FLOOR_NS, ALPHA, BUSY_ALPHA, type Limits, toThresholds } from "./limits.js";
import { MOST_BLOCKS, percent, type TimeComparison } from "./time.js";

/**
 * The two stages of a gate. The first has few blocks: they only select the cells for a second look, and are not used
 * for anything else. The second has new blocks, so that bad luck in the first does not affect them; they decide, with a
 * correction for the number of selected cells.
 */

export const ROUTING_BLOCKS = 2;
const DECIDING_BLOCKS = 12;

/** Coverage of the interval that rules out a slowdown, and the fewest blocks whose interval has it: 1 − 2 · 2⁻⁶ = 0.97. */
const LEAST_COVERAGE = 0.95;
const FEWEST_BLOCKS = 6;

/** True if the first stage's blocks of a cell call for a second look. */
export function isRouted(blocks: readonly Block[], limits: Limits): boolean {
  const { limit, route } = toThresholds(limits);
  const slowdowns = blocks.map(slowdownLogRatio);
  const mean = average(slowdowns);
  // One disturbed process can hide a slowdown in the mean, though hardly in both blocks. An improvement is not urgent;
  // it counts once it is as large as a regression that must not be missed.
  return mean >= route || Math.max(...slowdowns) >= 2 * route || mean <= -limit;
}

/**
 * Number of blocks of the second stage. With n of them the smallest p is 2⁻ⁿ; corrected for all routed cells, it must
 * stay below α, with five blocks to spare so that one may show the opposite.
 *
 * @param busy the reason to doubt the machine, if there is one
 */
export const decidingBlocks = (routed: number, busy?: string): number =>
  Math.max(DECIDING_BLOCKS, Math.ceil(Math.log2(Math.max(1, routed) / alpha(busy))) + 5);

const alpha = (busy: string | undefined): number => (busy === undefined ? ALPHA : BUSY_ALPHA);

/** The first stage's conclusion on a cell that it does not route: none, if it was cut short. */
export function notRouted(blocks: readonly Block[], limits: Limits): TimeComparison {
  const threshold = percent(Math.expm1(toThresholds(limits).route));
  const found = `less in ${plural(blocks.length, "block")} than the ${threshold} that would call for more`;
  const isWhole = blocks.length >= ROUTING_BLOCKS;
  return {
    ...measured(blocks, hodgesLehmann(blocks.map(slowdownLogRatio))),
    verdict: isWhole ? "pass" : "inconclusive",
    reason: isWhole ? found : `${found}; there was no time for another`,
  };
}

/** The conclusion on a cell that the first stage routes, and that there was no time to look at again. */
export const notDecided = (blocks: readonly Block[], limits: Limits): TimeComparison => ({
  ...notRouted(blocks, limits),
  verdict: "inconclusive",
  reason: "the first look calls for a second one, and there was no time for it",
});

/**
 * Decides on all routed cells at once, each by its blocks of the second stage, in the given order.
 *
 * @param busy the reason to doubt the machine, if there is one
 */
export function decide(
  routed: readonly (readonly Block[])[],
  limits: Limits,
  busy?: string,
): TimeComparison[] {
  const slower = holm(routed.map((blocks) => signFlipTest(blocks.map(slowdownLogRatio))));
  const faster = holm(routed.map((blocks) => signFlipTest(blocks.map((block) => -slowdownLogRatio(block)))));
  return routed.map((blocks, index) =>
    decideOne(blocks, { slower: slower[index] as number, faster: faster[index] as number }, limits, busy),
  );
}

interface CorrectedP {
  readonly slower: number;
  readonly faster: number;
}

function decideOne(
  blocks: readonly Block[],
  p: CorrectedP,
  limits: Limits,
  busy: string | undefined,
): TimeComparison {
  const { limit, floor } = toThresholds(limits);
  const centre = hodgesLehmann(blocks.map(slowdownLogRatio));
  const { estimate, low, high, coverage } = centre;
  const base = { ...measured(blocks, centre), p: estimate < 0 ? p.faster : p.slower };
  const inconclusive = (reason: string, gap: number): TimeComparison => ({
    ...base,
    verdict: "inconclusive",
    moreBlocks: Math.max(FEWEST_BLOCKS - blocks.length, moreBlocks(blocks.length, (high - low) / 2, gap)),
    reason: busy === undefined ? reason : `the machine is busy: ${reason}`,
  });
  const drift = controlEstimate(blocks);
  if (Math.abs(estimate) >= floor && Math.abs(drift) >= floor) {
    return inconclusive(`the baseline differs from itself by ${percent(Math.expm1(drift))}`, estimate);
  }
  if (estimate >= floor) {
    if (base.candidateNs - base.baselineNs < ABSOLUTE_FLOOR_NS) {
      return { ...base, verdict: "pass", reason: `slower by less than ${ABSOLUTE_FLOOR_NS / 1000} µs` };
    }
    if (p.slower <= alpha(busy)) return { ...base, verdict: "regression", reason: significance(p.slower) };
    return inconclusive(`slower, but ${significance(p.slower, alpha(busy))}`, estimate);
  }
  if (estimate <= -floor && p.faster <= alpha(busy)) {
    return { ...base, verdict: "improvement", reason: significance(p.faster) };
  }
  if (high < limit && coverage >= LEAST_COVERAGE) {
    return { ...base, verdict: "pass", reason: `a slowdown of ${percent(limits.maxSlowdown)} is ruled out` };
  }
  const few = blocks.length < FEWEST_BLOCKS ? ` by ${plural(blocks.length, "block")}` : "";
  return inconclusive(
    `a slowdown of ${percent(limits.maxSlowdown)} is not ruled out${few}`,
    limit - estimate,
  );
}

/** The apparent slowdown, in logarithms, of the second of two identical groups of six processes; 0 if unknown. */
function controlEstimate(blocks: readonly Block[]): number {
  const differences = blocks.flatMap((block) => controlLogRatio(block) ?? []);
  return differences.length ? hodgesLehmann(differences).estimate : 0;
}

/** Estimates how many more blocks make the interval narrower than the gap: it narrows with their square root. */
function moreBlocks(blocks: number, halfWidth: number, gap: number): number {
  const needed = Math.ceil(blocks * (halfWidth / Math.abs(gap)) ** 2);
  const more = Math.max(1, needed - blocks);
  return more > MOST_BLOCKS ? Number.POSITIVE_INFINITY : more;
}

const significance = (p: number, most = ALPHA): string =>
  `p = ${p < 0.001 ? p.toExponential(0) : p.toFixed(3)} after correction${p > most ? `, more than ${most}` : ""}`;

const measured = (blocks: readonly Block[], { estimate, low, high, coverage }: Centre) => ({
  baselineNs: median(blocks.flatMap(({ baseline }) => baseline)),
  candidateNs: median(blocks.flatMap(({ candidate }) => candidate)),
  slowdown: Math.expm1(estimate),
  interval: [Math.expm1(low), Math.expm1(high)] as const,
  coverage,
  blocks: blocks.length,
});

const average = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
