import { DTYPES } from "@softmax-bench/core";
import type { HalfDType } from "@softmax-bench/graph";
import type { Command } from "commander";
import { unknownValue } from "../../plan/unknown-value.js";
import { UsageError } from "../../terminal/errors.js";

/** Flags of mixed precision. */
export interface PrecisionFlags {
  readonly mixedPrecision?: string;
  readonly growthInterval?: string;
}

const HALVES: readonly HalfDType[] = ["float16", "bfloat16"];

/** True for a type with a smaller range than float32's, in which small gradients vanish. */
const needsScale = (dtype: HalfDType): boolean =>
  DTYPES[dtype].smallestNormal > DTYPES.float32.smallestNormal;

/** Adds `PrecisionFlags` to a command. */
export const withPrecision = (command: Command): Command =>
  command
    .option(
      "--mixed-precision <dtype>",
      `compute products and convolutions of a float32 model in ${HALVES.join(" or ")}; float16 with a loss scale, which a step adapts; e.g. --mixed-precision float16`,
    )
    .option(
      "--growth-interval <n>",
      "the number of steps without an overflow after which the loss scale is doubled (default: 2000); e.g. --growth-interval 500",
    );

export interface Precision {
  readonly dtype: HalfDType;
  /** The rule that adapts the loss scale; undefined for no loss scale: bfloat16 has the range of float32. */
  readonly scaling: { readonly growthInterval: number | undefined } | undefined;
}

/** @throws UsageError if the type is not a half-precision one, or the interval is no number */
export function parsePrecision(
  flags: PrecisionFlags & { readonly optimizer?: string },
): Precision | undefined {
  const { mixedPrecision: name, growthInterval: interval } = flags;
  if (interval !== undefined && !/^[1-9]\d{0,8}$/.test(interval)) {
    throw new UsageError(
      `--growth-interval takes a number of steps from 1 on, got ${JSON.stringify(interval)}`,
    );
  }
  const growthInterval = interval === undefined ? undefined : Number(interval);
  const dtype = HALVES.find((half) => half === name);
  if (name !== undefined && !dtype) throw unknownValue("type of --mixed-precision", name, HALVES);
  if (growthInterval !== undefined && !(dtype && needsScale(dtype) && flags.optimizer !== undefined)) {
    throw new UsageError("--growth-interval needs --mixed-precision float16 and --optimizer");
  }
  return dtype && { dtype, scaling: needsScale(dtype) ? { growthInterval } : undefined };
}
