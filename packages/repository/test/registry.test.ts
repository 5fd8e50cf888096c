import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { parseResults } from "@softmax-bench/core/results";
import { findRuntime } from "@softmax-bench/host-node";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Registry, startRegistry } from "./registry.js";
import { ROOT } from "./root.js";
import { publishPackages } from "./tarballs.js";

const { version } = JSON.parse(readFileSync(join(ROOT, "apps", "cli", "package.json"), "utf8"));
const SMALL = "--profile smoke --workload 4x3 --method manual/fused";

/** Runs a command line as a user's shell does, with one of our Nodes, npm and its settings. @throws Error if it fails */
async function runIn(cwd: string, command: string, node: string, { settings }: Registry): Promise<string> {
  // What vitest and pnpm leave in the environment is for their own processes.
  const PATH = [dirname(node), process.env.PATH].join(delimiter);
  const env = { PATH, HOME: process.env.HOME, ...settings };
  return (await promisify(execFile)("sh", ["-c", command], { cwd, env })).stdout;
}

/** The cells of the only run in a folder that were measured, as backends. */
function measuredIn(folder: string): string[] {
  const [run = "", ...others] = readdirSync(join(folder, "bench-results"));
  expect(others).toEqual([]);
  expect(readdirSync(join(folder, "bench-results", run))).toContain("report.html");
  const { cells } = parseResults(readFileSync(join(folder, "bench-results", run, "results.json"), "utf8"));
  rmSync(join(folder, "bench-results"), { recursive: true });
  return cells.flatMap(({ backend, dtype, status }) => (status === "ok" ? [`${backend} ${dtype}`] : []));
}

/** Takes half a minute for each Node. `installed.test.ts` does the same without a registry. */
describe("softmax-bench, published to a registry", () => {
  it.each(["20", "22", "24"])(
    "is fetched and run by npx in an empty folder, on Node %s",
    {
      tags: "nightly",
    },
    async (wanted) => {
      const root = mkdtempSync(join(tmpdir(), "registry-"));
      onTestFinished(() => rmSync(root, { recursive: true, force: true }));
      const folder = join(root, "empty");
      mkdirSync(folder);
      const { signal } = new AbortController();
      const { executable } = await findRuntime({ kind: "node", version: wanted }, { progress() {}, signal });
      await using registry = await startRegistry(root);
      await publishPackages(registry.settings);
      const call = (command: string) => runIn(folder, command, executable, registry);

      expect(await call("node --version")).toMatch(new RegExp(`^v${wanted}\\.`));
      expect(await call("npx --yes softmax-bench --version")).toBe(`${version}\n`);
      await call(`npx --yes softmax-bench bench ${SMALL} --backend wasm-simd`);
      expect(measuredIn(folder)).toEqual(["wasm-simd float32", "wasm-simd float64"]);

      // A runtime is added by the remedy.
      const doctor = JSON.parse(await call("npx --yes softmax-bench doctor --json"));
      const { remedy } = doctor.backends.find(({ id }: { id: string }) => id === "jax-js");
      await call(remedy);
      await call(`npx softmax-bench bench ${SMALL} --backend jax-js`);
      expect(measuredIn(folder)).toEqual(["jax-js float32", "jax-js float64"]);
    },
  );
});
