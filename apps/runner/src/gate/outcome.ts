import { placeName } from "@softmax-bench/core";
import { SchemaVersionError } from "@softmax-bench/core/results";
import { toOutcome } from "@softmax-bench/regression";
import { CommanderError } from "commander";
import { IncomparableError, UsageError } from "../terminal/errors.js";
import { BuildError } from "./build-revision.js";
import { CheckoutError, HangError } from "./checkout.js";
import type { Gated } from "./request.js";
import { TimeOver } from "./time-budget.js";

/** The outcomes of a gate in a word for programs, since several share an exit code. docs/regression-gate.md explains each. */
export const GATE_OUTCOMES = [
  "pass",
  "inconclusive",
  "regression",
  "did-not-run",
  "backend-missing",
  "nothing-comparable",
  "other-schema",
  "build-failed",
  "hangs",
  "cannot-be-driven",
  "time-over",
  "usage",
  "failed",
  "stopped",
] as const;

export type GateOutcome = (typeof GATE_OUTCOMES)[number];

type Measured = Pick<Gated, "comparison" | "baseline" | "candidate">;

/** The outcome of a gate that came to a verdict, or found nothing to compare. */
export function outcomeOf({ comparison, baseline, candidate }: Measured): GateOutcome {
  switch (toOutcome(comparison)) {
    case "regression":
      return "regression";
    case "incomplete":
      return isBackendMissing({ comparison, baseline, candidate }) ? "backend-missing" : "did-not-run";
    case "incomparable":
      return "nothing-comparable";
    case "pass":
      return comparison.cells.some(({ verdict }) => verdict === "inconclusive") ||
        comparison.notCompared.some(({ kind }) => kind === "no-time")
        ? "inconclusive"
        : "pass";
  }
}

/** True if every cell that did not run is of a backend that a side does not have. */
function isBackendMissing({ comparison, baseline, candidate }: Measured): boolean {
  const missing = [baseline, candidate].flatMap(({ backends }) =>
    backends
      .filter(({ status }) => status !== "available")
      .map(({ id, host }) => placeName({ backend: id, host })),
  );
  return comparison.notCompared.every(({ kind, backend }) => kind !== "broken" || missing.includes(backend));
}

/** The outcome of a gate that an error ended. */
export function outcomeOfError(error: unknown): GateOutcome {
  if (error instanceof IncomparableError) {
    return error.cause instanceof SchemaVersionError ? "other-schema" : "nothing-comparable";
  }
  if (error instanceof TimeOver) return "time-over";
  if (error instanceof BuildError) return "build-failed";
  if (error instanceof HangError) return "hangs";
  if (error instanceof CheckoutError) return "cannot-be-driven";
  return error instanceof UsageError || error instanceof CommanderError ? "usage" : "failed";
}
