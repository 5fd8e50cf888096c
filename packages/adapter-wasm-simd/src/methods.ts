import type { MethodId } from "@softmax-bench/core";

/** The methods of one kernel written by hand, which differentiates nothing. */
export const METHODS: readonly MethodId[] = [
  "manual/shifted",
  "manual/exact-target",
  "manual/fused",
  "manual/two-pass",
];
