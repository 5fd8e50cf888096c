import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { expect, it } from "vitest";

const OTHER_CORES = new URL("../dist/other-cores.js", import.meta.url).href;

/** The probes' times in a process of its own, which ends by itself. */
function probe(count: number): (number | null)[] {
  const program = `import { otherCores } from "${OTHER_CORES}";
    const cores = otherCores(${count});
    const times = [1, 2, 3].map(() => { cores?.start(); return cores ? cores.finish() : null; });
    console.log(JSON.stringify(times));`;
  const args = ["--input-type=module", "-e", program];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", timeout: 30_000 }));
}

it.skipIf(availableParallelism() < 2)("times the probe on other cores, and ends with the process", () => {
  const [first, ...others] = probe(1);
  expect(first).toBeGreaterThan(2e4);
  for (const time of others) expect(time === null || time > 2e4).toBe(true);
});

it("has no threads for a core that is not there", () => {
  expect(probe(0)).toEqual([null, null, null]);
});
