import { uniformSource } from "./random.js";
import type { Workload } from "./workload.js";

/** The maximum number of gradient entries compared with the oracle: that of `seed-3200`. */
const CHECKED_ELEMENTS = 3200 * 3200;

/**
 * The rows of a workload whose gradients are compared with the oracle, ascending: all of them or, for large workloads,
 * as many as contain that number of entries, drawn without replacement from the run's seed.
 */
export function checkedRows(workload: Workload, seed: number): Int32Array {
  const { rows, classes, id } = workload;
  const count = Math.min(rows, Math.max(1, Math.floor(CHECKED_ELEMENTS / classes)));
  const order = Int32Array.from({ length: rows }, (_, row) => row);
  if (count === rows) return order;
  const uniform = uniformSource(`${id}/rows`, seed);
  for (let chosen = 0; chosen < count; chosen++) {
    const other = chosen + Math.floor(uniform() * (rows - chosen));
    [order[chosen], order[other]] = [order[other] as number, order[chosen] as number];
  }
  return order.subarray(0, count).sort();
}
