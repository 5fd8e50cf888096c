import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import type { CoreTimes } from "@softmax-bench/measure";
import { expect, it } from "vitest";

const OTHER_CORES = new URL("../dist/other-cores.js", import.meta.url).href;

/** The probes' times in a process of its own, which ends by itself. */
function probe(count: number): (CoreTimes | null)[] {
  const program = `import { otherCores } from "${OTHER_CORES}";
    const cores = otherCores(${count});
    const times = [1, 2, 3].map(() => { cores?.start(); return cores ? cores.finish() : null; });
    console.log(JSON.stringify(times));`;
  const args = ["--input-type=module", "-e", program];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", timeout: 30_000 }));
}

it.skipIf(availableParallelism() < 2)("times the probe on other cores, and ends with the process", () => {
  const [first, ...others] = probe(1);
  expect(first?.probeNs).toBeGreaterThan(2e4);
  // Infinity, where other programs use all cores, is no JSON.
  for (const times of others) expect(times?.probeNs ?? Number.POSITIVE_INFINITY).toBeGreaterThan(2e4);
});

it("has no threads for a core that is not there", () => {
  expect(probe(0)).toEqual([null, null, null]);
});

it.skipIf(availableParallelism() < 2)("times exchanges of a number with another core", () => {
  const latencies = probe(1).flatMap((times) => times?.latencyNs ?? []);
  // A thread that got no core meanwhile does not answer.
  for (const latency of latencies) {
    expect(latency).toBeGreaterThan(5);
    expect(latency).toBeLessThan(1e5);
  }
  expect(latencies.length).toBeGreaterThan(0);
});
