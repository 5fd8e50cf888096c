import type { Sweep } from "@softmax-bench/core";

/**
 * A sweep in the place of a workload. `tfjs-wasm manual/fused float32 sweep/offset` is one curve, chosen and listed as a
 * cell is.
 */

const PREFIX = "sweep/";

export const sweepWorkload = ({ id }: Pick<Sweep, "id">): string => `${PREFIX}${id}`;

/** The id of the sweep that a workload's name stands for; undefined for a workload. */
export const sweepOf = (workload: string): string | undefined =>
  workload.startsWith(PREFIX) ? workload.slice(PREFIX.length) : undefined;
