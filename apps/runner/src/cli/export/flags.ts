import { UsageError } from "../../terminal/errors.js";
import type { LossFlags } from "./loss.js";
import { toFlag } from "./numbers.js";
import type { OptimizerFlags } from "./optimizer.js";
import type { PrecisionFlags } from "./precision.js";

/** The value of `--batch` for any batch. */
export const DYNAMIC = "dynamic";

export interface ExportFlags extends OptimizerFlags, LossFlags, PrecisionFlags {
  readonly out?: string;
  readonly target: string;
  readonly batch?: string;
  readonly method?: string;
  readonly workload?: string;
  readonly dtype?: string;
  readonly graph?: string;
  readonly model?: string;
  readonly wrt?: string[];
  readonly logits?: string;
  readonly classAxis?: string;
  readonly listParameters?: true;
  readonly force?: true;
  readonly size?: string[];
  readonly maxElements?: string;
  readonly writeBack?: string;
  readonly lora?: string;
  readonly checkpoint?: string[];
  readonly hvp?: true;
  readonly jvp?: true;
}

const BY_METHOD = ["workload", "dtype", "graph"] as const;
const OF_TRAINING = [
  "loss",
  "labelSmoothing",
  "weights",
  "reduction",
  "delta",
  "wrt",
  "logits",
  "classAxis",
  "listParameters",
  "force",
  "size",
  "hvp",
  "jvp",
  "checkpoint",
  "mixedPrecision",
  "growthInterval",
  "optimizer",
  "accumulate",
  "clipNorm",
  "momentum",
  "dampening",
  "nesterov",
  "betas",
  "eps",
  "weightDecay",
] as const;
const BY_MODEL = [...OF_TRAINING, "writeBack", "lora"] as const;
const BY_WRITE_BACK = [...BY_METHOD, ...OF_TRAINING, "batch", "maxElements"] as const;

/** @throws UsageError unless the flags belong to one of the ways to export. */
export function checkFlags(flags: ExportFlags): void {
  if ((flags.method === undefined) === (flags.model === undefined)) {
    throw new UsageError("give either --method and --workload, or --model");
  }
  const [mode, foreign] =
    flags.model === undefined
      ? ["--method", BY_MODEL]
      : flags.writeBack === undefined
        ? ["--model", BY_METHOD]
        : ["--write-back", BY_WRITE_BACK];
  const wrong = foreign.find((name) => flags[name] !== undefined);
  if (wrong) throw new UsageError(`${toFlag(wrong)} does not go with ${mode}`);
  if (flags.method !== undefined && flags.workload === undefined) {
    throw new UsageError("--method needs --workload, e.g. --workload 64x1000");
  }
}

export function parseClassAxis(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^-?\d{1,2}$/.test(text)) {
    throw new UsageError(`--class-axis takes an axis of the logits, e.g. 1, got ${JSON.stringify(text)}`);
  }
  return Number(text);
}

export function parseBatch(text: string | undefined): number | typeof DYNAMIC | undefined {
  if (text === undefined || text === DYNAMIC) return text;
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new UsageError(`--batch takes a number from 1 on, or ${DYNAMIC}, got ${JSON.stringify(text)}`);
  }
  return Number(text);
}

export function parseMaxElements(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,14}$/.test(text)) {
    throw new UsageError(`--max-elements takes a number from 1 on, got ${JSON.stringify(text)}`);
  }
  return Number(text);
}

export function parseSizes(pairs: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name, size] = /^(.+)=([1-9]\d{0,8})$/.exec(pair) ?? [];
      if (name === undefined) throw new UsageError(`--size takes <name>=<n>, got ${JSON.stringify(pair)}`);
      return [name, Number(size)];
    }),
  );
}
