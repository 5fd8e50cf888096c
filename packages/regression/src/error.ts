import type { Accuracy, Cell } from "@softmax-bench/core";
import { DTYPES } from "@softmax-bench/core";
import type { Limits } from "./limits.js";

/** The known facts about a cell's gradient, from one process or several. */
export interface Gradients {
  /** Digests from every process that computed it; several if the processes disagree. */
  readonly digests: readonly string[];
  /** Accuracies from every process in which it was compared with the oracle. */
  readonly accuracies: readonly Accuracy[];
}

export interface ErrorComparison {
  readonly verdict: "pass" | "changed" | "regression" | "inconclusive";
  /** Relative L2 errors, the largest over processes. */
  readonly baseline: number | undefined;
  readonly candidate: number | undefined;
  /** Processes of the candidate do not agree on the gradient. */
  readonly nondeterministic: boolean;
  readonly reason: string;
}

/**
 * The metrics that must not grow. An error below the floor (a few roundings, or ULP) counts as the floor: a lucky
 * baseline is no reason to fail. An error in all entries shows in the median, one in few entries in the norms.
 */
const METRICS: readonly {
  readonly name: string;
  readonly of: (accuracy: Accuracy) => number | undefined;
  readonly floor: (u: number) => number;
}[] = [
  { name: "relative L2 error", of: ({ gradient }) => gradient.relL2, floor: (u) => u },
  {
    name: "largest error over the largest entry",
    of: ({ gradient }) => gradient.scaledMaxAbs,
    floor: (u) => u,
  },
  { name: "99th percentile of errors in ULP", of: ({ gradient }) => gradient.p99Ulp, floor: () => 2 },
  { name: "median error in ULP", of: ({ gradient }) => gradient.medianUlp, floor: () => 1 },
  { name: "number of non-finite entries", of: ({ gradient }) => gradient.nonFinite, floor: () => 0 },
  { name: "relative error of the loss", of: ({ lossRelError }) => lossRelError, floor: (u) => 8 * u },
];

/**
 * Gate A: on any machine, no entry may deviate from the exact one by more than its a priori bound. Gate B: against the
 * baseline, the same digest means the same gradient; with another one, errors may grow up to the limit.
 */
export function compareErrors(
  dtype: Cell["dtype"],
  baseline: Gradients,
  candidate: Gradients,
  { maxErrorGrowth }: Limits,
): ErrorComparison {
  const base = describeSides(baseline, candidate);
  const beyond = findBeyondBound(baseline, candidate);
  if (beyond) return beyond;
  const digests = new Set([...baseline.digests, ...candidate.digests]);
  if (digests.size === 1) return { ...base, verdict: "pass", reason: "the same gradient, bit for bit" };
  if (baseline.accuracies.length === 0 || candidate.accuracies.length === 0) {
    const which = candidate.accuracies.length === 0 ? "candidate" : "baseline";
    return { ...base, verdict: "inconclusive", reason: `another gradient, and no errors of the ${which}` };
  }
  const u = DTYPES[dtype].unitRoundoff;
  const growths = METRICS.flatMap(({ name, of, floor }) => {
    const [before, after] = [worst(of, baseline), worst(of, candidate)];
    return before === undefined || after === undefined ? [] : [{ name, ...growth(before, after, floor(u)) }];
  });
  const largest = growths.reduce((a, b) => (b.ratio > a.ratio ? b : a));
  const reason = `${largest.name}: ${show(largest.before)} → ${show(largest.after)}`;
  if (largest.ratio > 1 + maxErrorGrowth) return { ...base, verdict: "regression", reason };
  const varies = base.nondeterministic && !(new Set(baseline.digests).size === 1);
  const what = varies ? "the gradient differs from process to process, in both" : "another gradient";
  return { ...base, verdict: "changed", reason: `${what}; ${reason}` };
}

/** Gate A alone, where the two sides have different inputs: bounds hold for any. */
export function compareOnOtherInputs(baseline: Gradients, candidate: Gradients): ErrorComparison {
  const isBounded = candidate.accuracies.some(({ gradient }) => gradient.boundRatio !== undefined);
  return (
    findBeyondBound(baseline, candidate) ?? {
      ...describeSides(baseline, candidate),
      ...(isBounded
        ? { verdict: "pass", reason: "other inputs; every error is within its analytic bound" }
        : { verdict: "inconclusive", reason: "other inputs, and no analytic bound" }),
    }
  );
}

/** The verdict on an error that exceeds its analytic bound; undefined if none does. */
function findBeyondBound(baseline: Gradients, candidate: Gradients): ErrorComparison | undefined {
  const bound = worst(({ gradient }) => gradient.boundRatio, candidate);
  if (bound === undefined || bound <= 1) return undefined;
  const reason = `an error is ${bound.toPrecision(2)} times its analytic bound`;
  return { ...describeSides(baseline, candidate), verdict: "regression", reason };
}

const describeSides = (baseline: Gradients, candidate: Gradients) => ({
  baseline: worst(({ gradient }) => gradient.relL2, baseline),
  candidate: worst(({ gradient }) => gradient.relL2, candidate),
  nondeterministic: new Set(candidate.digests).size > 1,
});

/** The largest value of a metric over processes; undefined where none has it. */
function worst(metric: (accuracy: Accuracy) => number | undefined, { accuracies }: Gradients) {
  const values = accuracies.flatMap((accuracy) => bounded(metric(accuracy)));
  return values.length ? Math.max(...values) : undefined;
}

/** An error that is NaN is worse than every finite one. */
const bounded = (value: number | undefined): number | [] =>
  value === undefined ? [] : Number.isNaN(value) ? Number.POSITIVE_INFINITY : value;

function growth(before: number, after: number, floor: number) {
  const [from, to] = [Math.max(before, floor), Math.max(after, floor)];
  // Infinity over Infinity, and 0 over 0, are not growth.
  return { before, after, ratio: from === to ? 1 : to / from };
}

const show = (value: number): string => (Number.isInteger(value) ? String(value) : value.toPrecision(2));
