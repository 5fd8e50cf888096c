import type { AdapterOptions } from "@softmax-bench/onnx";
import picomatch from "picomatch";
import { UsageError } from "../../terminal/errors.js";
import { parseNumber } from "./numbers.js";

/** @throws UsageError if the value of `--lora` is not a rank, a pattern and, optionally, a scale */
export function parseLora(text: string | undefined): AdapterOptions | undefined {
  if (text === undefined) return undefined;
  const [, rank, targets, scale] = /^rank=([1-9]\d{0,4}),targets=(.+?)(?:,scale=([^,]+))?$/.exec(text) ?? [];
  if (rank === undefined || targets === undefined) {
    throw new UsageError(
      `--lora takes rank=<n>,targets=<glob> and maybe ,scale=<x>, e.g. rank=8,targets=*.weight, got ${JSON.stringify(text)}`,
    );
  }
  return {
    rank: Number(rank),
    // Names of tensors are no paths: a star stands for anything.
    isTarget: picomatch(targets, { bash: true, dot: true }),
    scale: parseNumber("--lora scale", scale),
  };
}
