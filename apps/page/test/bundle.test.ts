import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));
const files = readdirSync(DIST, { recursive: true, encoding: "utf8" });
const scripts = files.filter((file) => /^assets\/.*\.js$/.test(file));

describe("the page as it is built", () => {
  it("imports no module of Node", () => {
    const imports = scripts.flatMap((file) =>
      [
        ...readFileSync(join(DIST, file), "utf8").matchAll(
          /\b(?:from|import)\s*\(?\s*["'](node:[^"']+)["']/g,
        ),
      ].map(([, name]) => `${file}: ${name}`),
    );
    expect(scripts.length).toBeGreaterThan(10);
    expect(imports).toEqual([]);
  });

  it("has the programs that runtimes fetch by name", () => {
    expect(files).toEqual(
      expect.arrayContaining([
        "runtime/ort-wasm-simd-threaded.mjs",
        "runtime/ort-wasm-simd-threaded.wasm",
        "runtime/tfjs-backend-wasm-simd.wasm",
        "runtime/tfjs-backend-wasm-threaded-simd.wasm",
      ]),
    );
  });

  it("has both builds of the kernel, each by itself", () => {
    const builds = scripts.map((file) => /\/((?:relaxed-)?simd)-[^/]*\.js$/.exec(file)?.[1]);
    expect(new Set(builds)).toEqual(new Set([undefined, "simd", "relaxed-simd"]));
  });

  it("knows the versions of packages that do not say theirs", () => {
    const worker = scripts.find((file) => /worker-/.test(file));
    expect(readFileSync(join(DIST, worker ?? ""), "utf8")).toMatch(/"@jax-js\/jax": "\d+\.\d+\.\d+"/);
  });

  it("addresses everything relative to itself, so that it can be served under any path", () => {
    expect(readFileSync(join(DIST, "index.html"), "utf8")).not.toMatch(/(?:src|href)="\//);
  });
});
