/** What is concluded on the time of a cell's gradient. Slowdowns are ratios minus 1. */
export interface TimeComparison {
  readonly verdict: "pass" | "regression" | "improvement" | "inconclusive" | "slower" | "faster";
  readonly baselineNs: number;
  readonly candidateNs: number;
  readonly slowdown: number;
  readonly interval: readonly [number, number];
  /** Probability with which the interval covers the slowdown; undefined where no probability can be stated. */
  readonly coverage?: number;
  /** Pairs of A-B-B-A that it rests on; 0 where the two were not measured in turns. */
  readonly blocks: number;
  /** Corrected for all cells that were tested with it. */
  readonly p?: number;
  /** About as many more blocks would settle an inconclusive one; Infinity beyond `MOST_BLOCKS`. */
  readonly moreBlocks?: number;
  readonly reason: string;
}

/** More blocks than this are not worth proposing. */
export const MOST_BLOCKS = 200;

/** `+3.2 %` */
export const percent = (ratioMinusOne: number): string =>
  `${ratioMinusOne < 0 ? "−" : "+"}${Math.abs(100 * ratioMinusOne).toFixed(1)} %`;

/** A change of a time: `+3.2 %`; from twice as long on, `2.9× as long`. */
export const timeChange = (ratioMinusOne: number): string =>
  ratioMinusOne >= 1 ? `${Number((1 + ratioMinusOne).toPrecision(2))}× as long` : percent(ratioMinusOne);
