import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const DIGEST = fileURLToPath(new URL("./support/digest.mjs", import.meta.url));
/** Optimized code from the first call on: only that has vectors of 256 bits. */
const OPTIMIZED = ["--no-liftoff", "--no-wasm-dynamic-tiering"];
const isPaired = Number.parseInt(process.versions.node, 10) >= 24 && process.arch === "x64";

const run = (...flags: string[]): string =>
  execFileSync(process.execPath, [...OPTIMIZED, ...flags, DIGEST, "simd", "relaxed-simd"], {
    encoding: "utf8",
  });

if (isPaired) {
  it("has the same bits where V8 pairs vectors", () => {
    expect(run("--experimental-wasm-revectorize")).toBe(run());
  });

  it("has its loops paired", () => {
    const trace = run("--experimental-wasm-revectorize", "--trace-wasm-revectorize");
    // Of each build, 18 functions.
    const paired = trace.match(/Decided? to vectorize, [1-9]\d* revectorizable nodes/g) ?? [];
    expect(paired.length).toBeGreaterThanOrEqual(36);
    expect(trace).not.toContain("Build tree failed");
  });
} else it.skip("Pairing of vectors is unavailable: V8 has it from Node 24 on, on x64");
