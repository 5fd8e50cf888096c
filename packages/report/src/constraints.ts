import type { BackendRecord, Cell } from "@softmax-bench/core";
import { DTYPES } from "@softmax-bench/core";
import { formatCount, formatError } from "./format.js";
import type { RankedCell, RankedPhase } from "./ranking.js";

/** A reader's requirements on a gradient. */
export interface Constraints {
  /** The phase that should be fast. */
  readonly phase: RankedPhase;
  readonly error: ErrorLimit;
  /** Only backends that compute on the CPU. */
  readonly cpuOnly: boolean;
  /** Only backends whose kernels are JavaScript or WebAssembly. */
  readonly noNativeCode: boolean;
}

export interface ErrorLimit {
  readonly measure: ErrorMeasure;
  /** The limit in unit roundoffs for `relL2`, itself for `relL2Plain`, otherwise in ULP. */
  readonly limit: number;
}

/**
 * `relL2`: relative L2 error, in unit roundoffs. `relL2Plain`: the same, as a plain number. `p99Ulp`: the bound of 99 of 100 entries. `maxUlp`: the bound of all
 * entries; of thousands of entries one is always some ULP off, whatever the formulation.
 */
export const ERROR_MEASURES = ["relL2", "relL2Plain", "p99Ulp", "maxUlp"] as const;
export type ErrorMeasure = (typeof ERROR_MEASURES)[number];

export const isInUlp = (measure: ErrorMeasure): boolean => measure === "p99Ulp" || measure === "maxUlp";

/** The error of a cell that a limit applies to. */
export const measuredError = ({ error }: Pick<RankedCell, "error">, measure: ErrorMeasure): number =>
  error[measure === "relL2Plain" ? "relL2" : measure];

/**
 * Relative L2 error of a recommended gradient, in unit roundoffs. Sixteen leaves room for the errors that a stable
 * formulation accumulates in an exponential, a sum and a quotient; cancellation and overflow exceed it.
 */
export const RECOMMENDED_ROUNDOFFS = 16;

/** The constraints for the terminal and Markdown. */
export const DEFAULT_CONSTRAINTS: Constraints = {
  phase: "gradient",
  error: { measure: "relL2", limit: RECOMMENDED_ROUNDOFFS },
  cpuOnly: false,
  noNativeCode: false,
};

/** The limit in the measured quantity. */
export const errorBound = (dtype: Cell["dtype"], { measure, limit } = DEFAULT_CONSTRAINTS.error): number =>
  measure === "relL2" ? limit * DTYPES[dtype].unitRoundoff : limit;

export const isWithinBound = (cell: RankedCell, limit: ErrorLimit): boolean =>
  cell.error.nonFinite === 0 && measuredError(cell, limit.measure) <= errorBound(cell.dtype, limit);

/** The bound in words: `relative L2 error ≤ 9.5e-7, 16 unit roundoffs`. */
export function describeBound(dtype: Cell["dtype"], error: ErrorLimit): string {
  const { measure, limit } = error;
  const bound = errorBound(dtype, error);
  switch (measure) {
    case "relL2":
    case "relL2Plain":
      return `relative L2 error ≤ ${formatError(bound)}, ${formatLimit(bound / DTYPES[dtype].unitRoundoff)} unit roundoffs`;
    case "p99Ulp":
      return `99 of 100 entries within ${formatLimit(limit)} ULP`;
    case "maxUlp":
      return `every entry within ${formatLimit(limit)} ULP`;
  }
}

/** Two significant digits; whole numbers in full. */
function formatLimit(limit: number): string {
  if (Number.isInteger(limit)) return formatCount(limit);
  return limit < 0.01 || limit >= 1e7 ? formatError(limit) : String(Number(limit.toPrecision(2)));
}

/** True for a backend on a GPU in software, whose times say nothing about a GPU. */
export const isSoftwareGpu = (backend: BackendRecord | undefined): boolean =>
  backend?.device?.kind === "software-gpu";

/**
 * True if the reader can use a backend: never one on a GPU in software. What a file does not say of a backend, it is not
 * taken to be.
 */
export function isUsable(
  backend: BackendRecord | undefined,
  { cpuOnly, noNativeCode }: Constraints,
): boolean {
  const code = backend?.engine?.code;
  return (
    !isSoftwareGpu(backend) &&
    (!cpuOnly || backend?.device?.kind === "cpu") &&
    (!noNativeCode || code === "webassembly" || code === "javascript")
  );
}
