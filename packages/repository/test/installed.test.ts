import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseResults } from "@softmax-bench/core/results";
import { beforeAll, describe, expect, it } from "vitest";
import { folderWith, runIn } from "./installed.js";
import { ROOT } from "./root.js";

const { version } = JSON.parse(readFileSync(join(ROOT, "apps", "cli", "package.json"), "utf8"));

/** One backend that needs no runtime, and one that needs one. */
const SMALL = "--profile smoke --workload 4x3 --method manual/fused --dtype float32";

describe("softmax-bench, installed from what is packed, outside of a clone and without runtimes", () => {
  const npx = (args: string) => runIn(folder, `npx --no-install softmax-bench ${args}`);
  /** The same without npx, which takes longer to start than most commands to run. */
  const softmaxBench = (args: string) => runIn(folder, `node_modules/.bin/softmax-bench ${args}`);
  let folder: string;
  beforeAll(() => {
    const installed = folderWith(["softmax-bench"]);
    folder = installed.folder;
    return installed.remove;
  });

  it("knows its version and its commands", () => {
    expect(npx("--version")).toEqual({ status: 0, stdout: `${version}\n`, stderr: "" });
    expect(softmaxBench("--help").stdout).toMatch(/^Usage: softmax-bench <command> \[options\]$/m);
  });

  it("measures what needs no runtime, into the current folder, and says how to add what needs one", () => {
    const { status, stderr } = npx(`bench ${SMALL} --backend wasm-simd,tfjs-wasm`);
    expect(status, stderr).toBe(0);
    const [run = ""] = readdirSync(join(folder, "bench-results"));
    const files = ["report.html", "report.md", "results.json"].map((name) =>
      join(folder, "bench-results", run, name),
    );
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
    const { backends, cells } = parseResults(readFileSync(files[2] as string, "utf8"));
    expect(cells.find(({ backend }) => backend === "wasm-simd")).toMatchObject({ status: "ok" });
    expect(backends.find(({ id }) => id === "tfjs-wasm")).toMatchObject({
      status: "unavailable",
      reason:
        "@tensorflow/tfjs, @tensorflow/tfjs-core, @tensorflow/tfjs-backend-wasm are not installed, or not whole",
      remedy: expect.stringMatching(
        /^npm install --ignore-scripts softmax-bench(?: @tensorflow\/[\w-]+@\^4\.\d+\.\d+){3}$/,
      ),
    });
    rmSync(join(folder, "bench-results"), { recursive: true });
  });

  it("has a remedy for every backend in Node whose runtime is missing", { tags: "nightly" }, () => {
    const { status, stdout } = softmaxBench("doctor --json");
    expect(status).toBe(0);
    const { backends } = JSON.parse(stdout);
    const others = backends.filter(
      (one: { reference?: boolean; runsIn?: string[]; id: string }) =>
        !one.reference && !one.runsIn && one.id !== "wasm-simd",
    );
    expect(others).toHaveLength(8);
    for (const { status, remedy } of others) {
      expect(status).toBe("unavailable");
      expect(remedy).toMatch(/^npm install --ignore-scripts softmax-bench(?: @?[\w/-]+@\^\d+\.\d+\.\d+)+$/);
    }
  });

  it("reads the bench.config.ts of the current folder, which names the package that was installed", () => {
    const config = join(folder, "bench.config.ts");
    writeFileSync(
      config,
      `import { defineConfig } from "softmax-bench"; export default defineConfig({ backends: ["wasm-simd"], workloads: ["2x2"] });`,
    );
    const { stdout } = softmaxBench("bench --list --method manual/fused --dtype float64");
    expect(stdout).toBe("wasm-simd manual/fused float64 2x2\n");
    rmSync(config);
  });

  it.each(["validate-gate --quick", "limit"])(
    "says in one line that a clone is needed, and exits with 2: %s",
    (args) => {
      const { status, stderr } = softmaxBench(args);
      expect(stderr).toMatch(/^[\w-]+: expected a clone of softmax-bench, got an installed package: .*\n$/);
      expect(status).toBe(2);
    },
  );

  it("names commands as they are typed here", () => {
    expect(npx("history").stderr).toContain("npx softmax-bench bench makes one");
    const direct = softmaxBench("history");
    expect(direct.stderr).toContain("; softmax-bench bench makes one");
  });
});
