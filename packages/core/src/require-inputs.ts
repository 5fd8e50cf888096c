import { requireValid } from "@softmax-bench/numerics";
import type { Inputs } from "./backend.js";
import { DTYPES, findForeign } from "./dtypes.js";
import { DEFAULT_LOSS } from "./loss-options.js";
import type { GradientTask } from "./program.js";

/**
 * Checks that inputs match a task's description: every engine calls this first, and no kernel does.
 *
 * @throws RangeError for values, sizes and options, TypeError for arrays of another type; in one line
 */
export function requireInputs({ dtype, rows, classes, loss }: GradientTask, inputs: Inputs): void {
  const { reduction, targets, weighted, ignoreIndex, labelSmoothing } = { ...DEFAULT_LOSS, ...loss };
  const { logits, labels, weights, upstream } = inputs;
  const floats = { logits, weights, upstream, ...(targets === "probabilities" ? { labels } : {}) };
  const { Array: Values } = DTYPES[dtype];
  for (const [name, array] of Object.entries(floats)) {
    if (array === undefined) continue;
    if (!(array instanceof Values)) {
      throw new TypeError(`${name}: expected a ${Values.name}, got ${array.constructor.name}`);
    }
    const foreign = array instanceof Int32Array ? -1 : findForeign(dtype, array);
    if (foreign >= 0) {
      throw new RangeError(
        `${name}: expected values of ${dtype}, got ${array[foreign]} at ${foreign}; round them first`,
      );
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
