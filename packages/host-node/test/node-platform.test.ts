import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";

const PLATFORM = new URL("../dist/node-platform.js", import.meta.url).href;

it("does not take the memory of the process that started a worker for the worker's own", () => {
  const large = Buffer.alloc(400 * 2 ** 20, 1);
  const program = `import { nodePlatform } from "${PLATFORM}"; console.log(nodePlatform.peakResidentBytes());`;
  const peak = Number(
    execFileSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" }),
  );
  expect(process.memoryUsage.rss()).toBeGreaterThan(large.length);
  expect(peak).toBeGreaterThan(20 * 2 ** 20);
  expect(peak).toBeLessThan(large.length / 2);
});
