import type { FloatDType } from "@softmax-bench/graph";
import type { Inputs } from "../backend.js";
import { DTYPES, floatArray } from "../dtypes.js";
import { normalSource, uniformSource } from "./random.js";
import type { Workload } from "./workload.js";

/**
 * The inputs of a workload: bit-identical on every machine for the same workload, dtype and seed. The logits of
 * other dtypes are the float64 logits, rounded.
 */
export function generateInputs(workload: Workload, dtype: FloatDType, seed: number): Inputs {
  const { rows, classes, scale, margin } = workload;
  const uniform = uniformSource(`${workload.id}/labels`, seed);
  const normal = normalSource(`${workload.id}/logits`, seed);

  const labels = new Int32Array(rows);
  for (let row = 0; row < rows; row++) {
    labels[row] = workload.labels === "diagonal" ? row % classes : Math.floor(uniform() * classes);
  }
  const { round } = DTYPES[dtype];
  const logits = floatArray(dtype, rows * classes);
  for (let row = 0, index = 0; row < rows; row++) {
    const label = labels[row];
    for (let column = 0; column < classes; column++, index++) {
      logits[index] = round(normal() * scale + (column === label ? margin : 0));
    }
  }
  return { logits, labels };
}
