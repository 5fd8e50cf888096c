import { requireValid } from "@softmax-bench/numerics";
import type { Inputs } from "./backend.js";
import { DEFAULT_LOSS } from "./loss-options.js";
import type { GradientTask } from "./program.js";

const ARRAYS = { float32: Float32Array, float64: Float64Array } as const;

/**
 * Checks that inputs match a task's description: every engine calls this first, and no kernel does.
 *
 * @throws RangeError for values, sizes and options, TypeError for arrays of another type; in one line
 */
export function requireInputs({ dtype, rows, classes, loss }: GradientTask, inputs: Inputs): void {
  const { reduction, targets, weighted, ignoreIndex, labelSmoothing } = { ...DEFAULT_LOSS, ...loss };
  const { logits, labels, weights, upstream } = inputs;
  const floats = { logits, weights, upstream, ...(targets === "probabilities" ? { labels } : {}) };
  for (const [name, array] of Object.entries(floats)) {
    if (array !== undefined && !(array instanceof ARRAYS[dtype])) {
      throw new TypeError(`${name}: expected a ${ARRAYS[dtype].name}, got ${array.constructor.name}`);
    }
  }
  if (targets === "labels" && !(labels instanceof Int32Array)) {
    throw new TypeError(`labels: expected an Int32Array of classes, got ${labels.constructor.name}`);
  }
  const optional = [
    ["weights", weights, weighted, "where classes are weighted"],
    ["upstream", upstream, reduction === "none", 'with reduction "none"'],
  ] as const;
  for (const [name, array, isWanted, when] of optional) {
    if (isWanted && !array) throw new RangeError(`${name}: expected ${when}, got none`);
    if (array && !isWanted) throw new RangeError(`${name}: expected ${when} only`);
  }
  requireValid({ rows, classes, logits, labels, weights, upstream, reduction, ignoreIndex, labelSmoothing });
}
