import { ASSUMED_RESOLUTION, type FloatDType } from "@softmax-bench/core";
import { estimateResolution } from "@softmax-bench/stats";
import type { Block } from "./block.js";
import { DEFAULT_CONSTRAINTS, describeBound, errorBound } from "./constraints.js";
import { enumerate } from "./enumerate.js";
import { formatDuration, formatError, formatPercent, formatRatio } from "./format.js";
import type { GradientRecord } from "./gradient-record.js";

export type ComputedGradient = Extract<GradientRecord, { status: "ok" }>;

/** The time of a gradient: the mean of its medians in each process. */
export const timeOf = ({ mediansNs }: ComputedGradient): number =>
  mediansNs.reduce((sum, ns) => sum + ns, 0) / mediansNs.length;

/**
 * The gradients that can be best, fastest first: within the error bound, neither references nor on GPUs in software, and
 * with times that had settled.
 */
export const contenders = (records: readonly GradientRecord[], dtype: FloatDType): ComputedGradient[] =>
  candidates(records, dtype).filter(hasSettled);

/** Those, and the ones like them whose times had not settled. */
export const candidates = (records: readonly GradientRecord[], dtype: FloatDType): ComputedGradient[] =>
  timedGradients(records).filter((record) => isWithinBound(record, dtype));

/** A record with the time of one more process. Times that had not settled count only if none had. */
export function withProcess(
  record: ComputedGradient,
  { medianNs, steadiness }: { readonly medianNs: number } & Pick<ComputedGradient, "steadiness">,
): ComputedGradient {
  if (hasSettled(record) === hasSettled({ steadiness })) {
    return { ...record, mediansNs: [...record.mediansNs, medianNs] };
  }
  return hasSettled(record) ? record : { ...record, mediansNs: [medianNs], steadiness };
}

/** The best gradient of a user's arrays, and those whose times cannot be told from its time. */
export interface BestGradient {
  readonly best: ComputedGradient;
  readonly tied: readonly ComputedGradient[];
  /** The possible difference between times of identical code, each over two processes, as a ratio minus 1. */
  readonly resolution: number;
  /** The fastest of the contenders that are slower than that; undefined if there is none. */
  readonly next: ComputedGradient | undefined;
}

/** @returns undefined if there is no contender */
export function bestGradient(
  records: readonly GradientRecord[],
  dtype: FloatDType,
): BestGradient | undefined {
  const [best, ...others] = contenders(records, dtype);
  if (!best) return undefined;
  const resolution = resolutionOf(timedGradients(records));
  const isTied = (record: ComputedGradient) => {
    // The time of a single process may be as far off as is assumed where nothing is known.
    const isRepeated = [best, record].every(({ mediansNs }) => mediansNs.length > 1);
    const apart = isRepeated ? resolution : Math.max(resolution, ASSUMED_RESOLUTION);
    return timeOf(record) <= timeOf(best) * (1 + apart);
  };
  return { best, tied: others.filter(isTied), resolution, next: others.find((record) => !isTied(record)) };
}

/** The closing answer on a user's arrays. */
export function bestBlocks(records: readonly GradientRecord[], dtype: FloatDType): Block[] {
  const timed = timedGradients(records);
  if (timed.length === 0) return [];
  const bound = describeBound(dtype, DEFAULT_CONSTRAINTS.error);
  const found = bestGradient(records, dtype);
  const within = candidates(records, dtype);
  if (!found) {
    const [first] = within;
    return [
      emphasis(
        first
          ? `No best gradient: none within the error bound (${bound}) has settled times. The fastest of them is ${nameOf(first)}, ${describe(first)}.`
          : `No gradient of your data is within the error bound (${bound}).`,
      ),
    ];
  }
  const { best, tied, next } = found;
  const faster = timed.filter((record) => timeOf(record) < timeOf(best));
  const outside = faster.filter((record) => !within.includes(record));
  const unsettled = faster.filter((record) => within.includes(record) && !hasSettled(record));
  const sentences = [
    `Best on your data: ${nameOf(best)}, ${describe(best)}.`,
    ...(tied.length > 0 ? [`Tied with ${enumerate(tied.map(nameOf))}: ${explainTies(found)}.`] : []),
    ...(next ? [`Next is ${nameOf(next)}, ${formatRatio(timeOf(next) / timeOf(best))} as long.`] : []),
    ...(unsettled.length > 0
      ? [`Faster, but their times had not settled: ${enumerate(unsettled.map(nameOf))}.`]
      : []),
    ...(outside.length > 0
      ? [`Faster, but outside the error bound (${bound}): ${enumerate(outside.map(nameOf))}.`]
      : []),
  ];
  return [emphasis(sentences.join(" "))];
}

function explainTies({ best, tied, resolution }: BestGradient): string {
  const isSingle = ({ mediansNs }: ComputedGradient) => mediansNs.length === 1;
  const ofSingle = formatPercent(Math.max(resolution, ASSUMED_RESOLUTION));
  if (isSingle(best)) return `times of a single process may be ${ofSingle} apart for identical code`;
  const measured = `times of identical code may be ${formatPercent(resolution)} apart here`;
  return resolution < ASSUMED_RESOLUTION && tied.some(isSingle)
    ? `${measured}, and those of a single process ${ofSingle}`
    : measured;
}

const hasSettled = ({ steadiness }: Pick<ComputedGradient, "steadiness">): boolean =>
  steadiness === "settled";

const timedGradients = (records: readonly GradientRecord[]): ComputedGradient[] =>
  records
    .flatMap((record) =>
      record.status === "ok" && record.isContender && record.mediansNs.length > 0 ? [record] : [],
    )
    .toSorted((a, b) => timeOf(a) - timeOf(b));

const isWithinBound = ({ gradientError: { nonFinite, relL2 } }: ComputedGradient, dtype: FloatDType) =>
  nonFinite === 0 && relL2 <= errorBound(dtype);

/** The resolution of times over two processes, from the gradients that settled in both; assumed if none did. */
function resolutionOf(records: readonly ComputedGradient[]): number {
  const processTimes = records
    .filter(hasSettled)
    .map(({ mediansNs }) => mediansNs)
    // A coarse clock reports times of 0, of which there are no ratios.
    .filter((times) => times.every((ns) => ns > 0));
  const replicates = { processTimes, processes: 2, pairs: [], assumed: ASSUMED_RESOLUTION };
  return estimateResolution(replicates) ?? ASSUMED_RESOLUTION;
}

const describe = (record: ComputedGradient): string =>
  `${formatDuration(timeOf(record))} for loss and gradient, relative L2 error ${formatError(record.gradientError.relL2)}`;

const nameOf = ({ backend, method }: ComputedGradient): string => `${backend} ${method}`;

const emphasis = (text: string): Block => ({ kind: "paragraph", text, emphasis: true });
