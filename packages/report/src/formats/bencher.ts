import type { Results } from "@softmax-bench/core";
import { toSeries } from "./series.js";

/** Results in the Bencher Metric Format: measures `latency`, in ns, and `grad-error`, the relative L2 error. */
export function bencherMetrics(results: Results): string {
  const metrics = toSeries(results).map(({ name, latency, error }) => [
    name,
    {
      ...(latency
        ? { latency: { value: latency.value, lower_value: latency.low, upper_value: latency.high } }
        : {}),
      ...(error === undefined ? {} : { "grad-error": { value: error } }),
    },
  ]);
  return `${JSON.stringify(Object.fromEntries(metrics), null, 1)}\n`;
}
