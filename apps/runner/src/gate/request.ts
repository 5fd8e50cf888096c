import type { Results } from "@softmax-bench/core";
import type { Comparison, Limits, ProcessRun } from "@softmax-bench/regression";
import type { PassOptions } from "./checkout.js";
import type { CountedProcess } from "./instructions.js";
import type { GateRun } from "./measure.js";
import type { TimeBudget } from "./time-budget.js";

/** A choice of cells. */
export interface GateSelection {
  /** Flags of `pnpm bench`. */
  readonly flags: readonly string[];
  /** Named backends, and named places such as `wasm-simd@bun`; the gate does not pass without them. */
  readonly named: readonly string[];
  /** True if the user chose no cells: in their own repository, those of their own methods are compared. */
  readonly isDefault: boolean;
}

export interface GateRequest
  extends Omit<PassOptions, "profile" | "cells">,
    Pick<GateRun, "only" | "blockFactor"> {
  /** A baseline, run, file or git revision. */
  readonly baseline: string;
  readonly selection: GateSelection;
  readonly limits: Limits;
  /** True to count instructions, too. */
  readonly instructions?: boolean;
  /** Folder with baselines and runs. */
  readonly out: string;
  /** The time for everything. */
  readonly budget: TimeBudget;
  /** A shell command that makes the baseline of a user's own repository ready. */
  readonly prepare: string | undefined;
  /** Says whether the native parts that backends lack may be brought: those of some backends; default: of all. */
  readonly mayProvision: (backends?: readonly string[]) => Promise<boolean>;
  readonly say: (line: string) => void;
}

export interface Gated {
  readonly comparison: Comparison;
  readonly baseline: Results;
  readonly candidate: Results;
  /** Everything that was measured of both, if both were. */
  readonly passes?: readonly ProcessRun[];
  /** Everything that was counted, if instructions were. */
  readonly counted?: readonly CountedProcess[];
}
