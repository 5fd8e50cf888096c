import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseResults } from "@softmax-bench/core/results";
import { describe, expect, it, onTestFinished } from "vitest";
import { ROOT } from "./root.js";
import { packTarballs } from "./tarballs.js";

const EXAMPLE = join(ROOT, "examples", "own-backend");

/** Registries take their time. */
const TIMEOUT_MS = 600_000;

/** The commands of the example's README that are run in the copy of its folder. */
function commandsIn(copy: string, tarballs: string): string[] {
  const readme = readFileSync(join(copy, "README.md"), "utf8");
  const [, inCopy = ""] = Array.from(readme.matchAll(/```sh\n([\s\S]*?)```/g), ([, code = ""]) => code);
  const [first, ...commands] = inCopy.trim().split("\n");
  expect(first).toBe("cd /tmp/own-backend");
  return commands.map((command) => command.replaceAll("/tmp/softmax-bench", tarballs));
}

/** The errors of `tsc` in the example with types of its own, those of dependencies included. */
function typeErrors(copy: string): string {
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const files = readdirSync(copy).filter((name) => name.endsWith(".ts"));
  const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--types", ""];
  const lib = ["--lib", "es2023,esnext.disposable,dom", "--allowImportingTsExtensions"];
  try {
    execFileSync(process.execPath, [tsc, ...options, ...lib, ...files], { cwd: copy, encoding: "utf8" });
    return "";
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

/** Takes half a minute, most of which npm installs packages. `apps/runner/test/own-backends.test.ts` measures it without. */
describe("the example of a backend outside of the repository", () => {
  it("is installed from what is packed, passes the suite and is measured, as its README says", {
    tags: "nightly",
    timeout: TIMEOUT_MS,
  }, () => {
    const folder = mkdtempSync(join(tmpdir(), "own-backend-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [tarballs, copy] = [join(folder, "tarballs"), join(folder, "copy")];
    cpSync(EXAMPLE, copy, { recursive: true, filter: (path) => !/node_modules|bench-results/.test(path) });
    packTarballs(tarballs);

    const printed = commandsIn(copy, tarballs).map((command) => {
      // What vitest and pnpm leave in the environment is for their own processes.
      const env = { PATH: process.env.PATH, HOME: process.env.HOME, npm_config_prefer_offline: "true" };
      return execFileSync("sh", ["-c", command], { cwd: copy, encoding: "utf8", env, stdio: "pipe" });
    });
    expect(printed).toHaveLength(3);
    expect(printed[1]).toMatch(/Tests .*\d+ passed/);
    expect(typeErrors(copy)).toBe("");

    const [run = ""] = readdirSync(join(copy, "bench-results"));
    const json = readFileSync(join(copy, "bench-results", run, "results.json"), "utf8");
    const { cells } = parseResults(json);
    const mine = cells.filter(({ backend, status }) => backend === "my-backend" && status === "ok");
    expect(mine.map(({ method, dtype, workload }) => [method, dtype, workload].join(" ")).sort()).toEqual(
      ["float32", "float64"].flatMap((dtype) =>
        ["cifar-head-16", "imagenet-head-16", "seed-128", "vocab-1"].map(
          (workload) => `manual/shifted ${dtype} ${workload}`,
        ),
      ),
    );
    for (const { accuracy, dtype } of mine) {
      // Its arithmetic is in doubles: at most the roundings of a sum of 50,000 of them, and the one to float32.
      expect(accuracy?.gradient.relL2).toBeLessThan(dtype === "float32" ? 2 ** -24 : 2 ** -50);
      expect(accuracy?.gradient.relL2).toBeGreaterThan(0);
    }
    expect(cells.some(({ backend, status }) => backend === "wasm-simd" && status === "ok")).toBe(true);
  });
});
