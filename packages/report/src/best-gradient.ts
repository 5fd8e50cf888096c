import type { FloatDType } from "@softmax-bench/core";
import type { Block } from "./block.js";
import { DEFAULT_CONSTRAINTS, describeBound, errorBound } from "./constraints.js";
import { enumerate } from "./enumerate.js";
import { formatDuration, formatError, formatPercent, formatRatio } from "./format.js";
import type { GradientRecord } from "./gradient-record.js";

export type ComputedGradient = Extract<GradientRecord, { status: "ok" }>;

/** The time of a gradient: the mean of its medians in each process. */
export const timeOf = ({ mediansNs }: ComputedGradient): number =>
  mediansNs.reduce((sum, ns) => sum + ns, 0) / mediansNs.length;

/** The gradients that can be best, fastest first: neither references nor on GPUs in software, and within the error bound. */
export const contenders = (records: readonly GradientRecord[], dtype: FloatDType): ComputedGradient[] =>
  timedGradients(records).filter((record) => isWithinBound(record, dtype));

/** The closing answer on a user's arrays. */
export function bestBlocks(records: readonly GradientRecord[], dtype: FloatDType): Block[] {
  const timed = timedGradients(records);
  if (timed.length === 0) return [];
  const bound = describeBound(dtype, DEFAULT_CONSTRAINTS.error);
  const [best, ...others] = contenders(records, dtype);
  if (!best) return [emphasis(`No gradient of your data is within the error bound (${bound}).`)];
  const resolution = resolutionOf(timed);
  const isTied = (record: ComputedGradient) => timeOf(record) <= timeOf(best) * (1 + resolution);
  const tied = others.filter(isTied);
  const next = others.find((record) => !isTied(record));
  const faster = timed.filter((record) => timeOf(record) < timeOf(best) && !isWithinBound(record, dtype));
  const sentences = [
    `Best on your data: ${nameOf(best)}, ${describe(best)}.`,
    ...(tied.length > 0
      ? [
          `Tied with ${enumerate(tied.map(nameOf))}: times of one gradient differ by up to ${formatPercent(resolution)} between two processes.`,
        ]
      : []),
    ...(next ? [`Next is ${nameOf(next)}, ${formatRatio(timeOf(next) / timeOf(best))} as long.`] : []),
    ...(faster.length > 0
      ? [`Faster, but outside the error bound (${bound}): ${enumerate(faster.map(nameOf))}.`]
      : []),
  ];
  return [emphasis(sentences.join(" "))];
}

const timedGradients = (records: readonly GradientRecord[]): ComputedGradient[] =>
  records
    .flatMap((record) =>
      record.status === "ok" && record.isContender && record.mediansNs.length > 0 ? [record] : [],
    )
    .toSorted((a, b) => timeOf(a) - timeOf(b));

const isWithinBound = ({ gradientError: { nonFinite, relL2 } }: ComputedGradient, dtype: FloatDType) =>
  nonFinite === 0 && relL2 <= errorBound(dtype);

/** The largest relative difference between the times of one gradient in two processes. */
const resolutionOf = (records: readonly ComputedGradient[]): number =>
  Math.max(0, ...records.map(({ mediansNs }) => Math.max(...mediansNs) / Math.min(...mediansNs) - 1));

const describe = (record: ComputedGradient): string =>
  `${formatDuration(timeOf(record))} for loss and gradient, relative L2 error ${formatError(record.gradientError.relL2)}`;

const nameOf = ({ backend, method }: ComputedGradient): string => `${backend} ${method}`;

const emphasis = (text: string): Block => ({ kind: "paragraph", text, emphasis: true });
