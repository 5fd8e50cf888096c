import type { Cell } from "@softmax-bench/core";

/** The parts of a round trip's time, in nanoseconds. */
export interface PhaseShares {
  readonly compute: number;
  readonly readback: number;
  readonly upload: number;
}

/**
 * The upload is what a round trip takes beyond gradient and readback: medians of samples of their own, so it is
 * floored at 0.
 */
export function phaseShares({ timing }: Pick<Cell, "timing">): PhaseShares | undefined {
  const { gradient, readback, roundtrip } = timing ?? {};
  if (!gradient || !readback || !roundtrip) return undefined;
  const [compute, copied] = [gradient.medianNs, readback.medianNs];
  return { compute, readback: copied, upload: Math.max(0, roundtrip.medianNs - compute - copied) };
}
