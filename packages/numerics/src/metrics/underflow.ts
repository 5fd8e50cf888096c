import type { FloatArray } from "../float-array.js";
import type { NumberFormat } from "../formats.js";

/** Entries of a gradient that a format has no number for, or only numbers with fewer digits. */
export interface RangeCounts {
  /** Entries that are infinite where the exact ones are not. */
  readonly overflows: number;
  /** Entries that are 0 where the exact ones are not. */
  readonly underflows: number;
  /** Entries that are 0 where the exact ones, correctly rounded, are not: those that another computation would keep. */
  readonly avoidableUnderflows: number;
  /** Entries below the smallest normal number, without those that are 0: they have fewer digits. */
  readonly subnormals: number;
  /** All entries. */
  readonly entries: number;
}

interface Gradients {
  readonly computed: FloatArray;
  /** The exact gradient, and the same correctly rounded to the format. */
  readonly exact: FloatArray;
  readonly rounded: FloatArray;
}

/** Counts the entries at the ends of a format's range; undefined if none is there. */
export function countOutOfRange(
  { computed, exact, rounded }: Gradients,
  { smallestNormal }: NumberFormat,
): RangeCounts | undefined {
  let [overflows, underflows, avoidableUnderflows, subnormals] = [0, 0, 0, 0];
  for (let i = 0; i < computed.length; i++) {
    const magnitude = Math.abs(computed[i] as number);
    if (magnitude === 0) {
      if (exact[i] !== 0) underflows++;
      if (rounded[i] !== 0) avoidableUnderflows++;
    } else if (magnitude < smallestNormal) subnormals++;
    else if (magnitude === Number.POSITIVE_INFINITY && Number.isFinite(exact[i])) overflows++;
  }
  if (overflows + underflows + avoidableUnderflows + subnormals === 0) return undefined;
  return { overflows, underflows, avoidableUnderflows, subnormals, entries: computed.length };
}
