/** The conclusion on the time of a cell's gradient. Slowdowns are ratios minus 1. */
export interface TimeComparison {
  readonly verdict: "pass" | "regression" | "improvement" | "inconclusive" | "slower" | "faster";
  readonly baselineNs: number;
  readonly candidateNs: number;
  readonly slowdown: number;
  readonly interval: readonly [number, number];
  /** Probability that the interval covers the slowdown; undefined if no probability can be stated. */
  readonly coverage?: number;
  /** Number of A-B-B-A pairs behind it; 0 if the two were not measured in turns. */
  readonly blocks: number;
  /** The p-value, corrected for all cells that were tested with it. */
  readonly p?: number;
  /** Approximate number of further blocks that would settle an inconclusive one; Infinity beyond `MOST_BLOCKS`. */
  readonly moreBlocks?: number;
  readonly reason: string;
}

/** More blocks than this are not worth suggesting. */
export const MOST_BLOCKS = 200;

/** `+3.2 %` */
export const percent = (ratioMinusOne: number): string =>
  `${ratioMinusOne < 0 ? "−" : "+"}${Math.abs(100 * ratioMinusOne).toFixed(1)} %`;

/** A change of a time: `+3.2 %`; from a factor of two on, `2.9× as long`. */
export const timeChange = (ratioMinusOne: number): string =>
  ratioMinusOne >= 1 ? `${Number((1 + ratioMinusOne).toPrecision(2))}× as long` : percent(ratioMinusOne);
