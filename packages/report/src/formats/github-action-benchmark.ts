import { plural, type Results } from "@softmax-bench/core";
import { type Series, toSeries } from "./series.js";

/** Results as `customSmallerIsBetter` of github-action-benchmark: a time and an error per cell. */
export function githubActionBenchmark(results: Results): string {
  const { cpu, cores, node } = results.environment;
  const only = `${cpu}, ${plural(cores, "core")}, Node ${node}`;
  const entries = toSeries(results).flatMap(({ name, machine: extra = only, latency, error }) => [
    ...(latency ? [{ name, unit: "ns", value: latency.value, range: halfWidth(latency), extra }] : []),
    ...(error === undefined ? [] : [{ name: `${name}, error`, unit: "relative L2", value: error, extra }]),
  ]);
  return `${JSON.stringify(entries, null, 1)}\n`;
}

const halfWidth = ({ low, high }: NonNullable<Series["latency"]>): string =>
  `± ${Math.round((high - low) / 2)}`;
