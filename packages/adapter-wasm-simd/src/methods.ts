import type { MethodId } from "@softmax-bench/core";

/** What one kernel written by hand has: it differentiates nothing. */
export const METHODS: readonly MethodId[] = ["manual/shifted", "manual/exact-target", "manual/fused"];
