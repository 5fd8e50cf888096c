import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import type { CoreTimes } from "@softmax-bench/measure";
import { expect, it } from "vitest";

const OTHER_CORES = new URL("../dist/other-cores.js", import.meta.url).href;

/** The times of some probes in a process of its own, which ends by itself; null without other cores. */
function probe(count: number, probes = 3, env?: NodeJS.ProcessEnv): (CoreTimes | null)[] {
  const program = `import { otherCores } from "${OTHER_CORES}";
    const cores = otherCores(${count});
    const times = Array.from({ length: ${probes} }, () => { cores?.start(); return cores ? cores.finish() : null; });
    console.log(JSON.stringify(times));`;
  const args = ["--input-type=module", "-e", program];
  return JSON.parse(
    execFileSync(process.execPath, args, {
      encoding: "utf8",
      timeout: 30_000,
      env: { ...process.env, ...env },
    }),
  );
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

it.skipIf(availableParallelism() < 2)("times exchanges of a number with all other cores", () => {
  // A thread that gets no core in time does not answer.
  const latencies = probe(availableParallelism() - 1, 300).flatMap((times) => times?.latencyNs ?? []);
  expect(latencies.length).toBeGreaterThan(0);
  for (const latency of latencies) expect(latency).toBeGreaterThan(5);
  expect(Math.min(...latencies)).toBeLessThan(1e5);
});

it.skipIf(availableParallelism() < 2)("exchanges nothing where threads cannot be bound to cores", () => {
  const times = probe(availableParallelism() - 1, 20, { PATH: "/nowhere" });
  expect(times.map((one) => one?.latencyNs)).toEqual(Array(20).fill(undefined));
  expect(times[0]?.probeNs).toBeGreaterThan(2e4);
});
