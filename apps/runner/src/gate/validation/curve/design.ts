import { uniformSource } from "@softmax-bench/core";
import type { BrowserKind } from "@softmax-bench/host-browser";
import { COUNTED } from "../../instructions.js";

/** The quantities that a gate compares: times, or counts of instructions. */
export const MEASURES = ["time", "instructions"] as const;
export type Measure = (typeof MEASURES)[number];

/** True slowdowns, ratios minus 1. Cells without any are as many as those with three of the others. */
export const SLOWDOWNS: Readonly<Record<Measure, readonly number[]>> = {
  time: [0, 0, 0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2],
  instructions: [0, 0, 0, 0.0025, 0.005, 0.0075, 0.01, 0.02, 0.03, 0.05, 0.1],
};

/** The slowdown of each cell in a round. Over as many rounds as there are slowdowns, every cell has each of them. */
export function assignSlowdowns(
  cells: readonly string[],
  measure: Measure,
  round: number,
): ReadonlyMap<string, number> {
  const uniform = uniformSource("gate/curve", 0);
  const drawn = cells.map((cell) => ({ cell, at: uniform() })).sort((a, b) => a.at - b.at);
  const slowdowns = SLOWDOWNS[measure];
  return new Map(
    drawn.map(({ cell }, index) => [cell, slowdowns[(index + round) % slowdowns.length] as number]),
  );
}

const SIZES = ["--dtype", "float32", "--workload", "imagenet-head,128x1000"];

/** One of each kind of code that gates count: a single kernel in WebAssembly, a kernel for each op, and plain JavaScript. */
const COUNTED_BACKENDS = ["wasm-simd", "tfjs-wasm", "tfjs-cpu"];

/**
 * Lists of flags of `pnpm bench` that choose the cells: 40 of times, in Node or in a browser; of those that gates count, the larger
 * workloads, of which the call of the arithmetic is a small part.
 */
export function curveSelections(measure: Measure, browser: BrowserKind | undefined): readonly string[][] {
  if (measure === "instructions") {
    return COUNTED_BACKENDS.map((id) => ["--backend", id, "--workload", COUNTED.get(id)?.at(-1) ?? ""]);
  }
  return [
    browser
      ? ["--host", browser, "--backend", "tfjs-wasm,onnxruntime-web", ...SIZES]
      : ["--backend", "tfjs-wasm,onnxruntime-cpu", ...SIZES],
  ];
}
