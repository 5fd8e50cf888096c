import { DEFAULT_LIMITS, type Limits } from "@softmax-bench/regression";
import type { Command } from "commander";
import { UsageError } from "../terminal/errors.js";

export interface LimitFlags {
  readonly maxSlowdown?: string;
  readonly maxErrorGrowth?: string;
  readonly maxInstructionGrowth?: string;
}

/** Adds `LimitFlags` to a command. */
export const withLimits = (command: Command): Command =>
  command
    .option(
      "--max-slowdown <percent>",
      "a slowdown that must be found; one of half of it never fails (default: 10%); e.g. --max-slowdown 20%",
    )
    .option(
      "--max-error-growth <percent>",
      "growth of an error that a changed gradient may have (default: 100%, twice the error); e.g. --max-error-growth 0%",
    );

/** Adds the limit of `--instructions`, which only a gate has. */
export const withInstructionLimit = (command: Command): Command =>
  command.option(
    "--max-instruction-growth <percent>",
    "growth of the executed instructions that must be found; half of it never fails (default: 1%); e.g. --max-instruction-growth 2%",
  );

/** @throws UsageError naming the flag, if it is no percentage in its range. */
export const parseLimits = ({ maxSlowdown, maxErrorGrowth, maxInstructionGrowth }: LimitFlags): Limits => ({
  maxSlowdown: percentage("--max-slowdown", maxSlowdown, 0.01) ?? DEFAULT_LIMITS.maxSlowdown,
  maxErrorGrowth: percentage("--max-error-growth", maxErrorGrowth, 0) ?? DEFAULT_LIMITS.maxErrorGrowth,
  maxInstructionGrowth:
    percentage("--max-instruction-growth", maxInstructionGrowth, 0.005) ??
    DEFAULT_LIMITS.maxInstructionGrowth,
});

function percentage(flag: string, value: string | undefined, least: number): number | undefined {
  if (value === undefined) return undefined;
  const number = /^(\d{1,6}(?:\.\d{1,6})?)\s?%$/.exec(value)?.[1];
  const ratio = Number(number) / 100;
  if (number === undefined || ratio < least) {
    throw new UsageError(
      `${flag} takes a percentage of at least ${100 * least}%, such as 10%, got ${JSON.stringify(value)}`,
    );
  }
  return ratio;
}
