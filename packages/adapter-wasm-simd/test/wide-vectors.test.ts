import { wasmSimd } from "@softmax-bench/adapter-wasm-simd";
import { afterEach, expect, it } from "vitest";

const WANTED = "SOFTMAX_BENCH_WASM_BITS";
const isWide =
  Number.parseInt(process.versions.node, 10) >= 24 && process.arch === "x64" && process.platform !== "darwin";

afterEach(() => {
  delete process.env[WANTED];
});

async function settings(): Promise<Readonly<Record<string, string>>> {
  await using engine = await wasmSimd.open({ threads: 1 });
  return engine.info.settings ?? {};
}

it("has vectors of 128 bits and no flag where that is wanted", async () => {
  process.env[WANTED] = "128";
  const { SIMD, flags } = await settings();
  expect(SIMD).toMatch(/^WebAssembly, 128 bits/);
  expect(flags).toBeUndefined();
});

it(`has vectors of ${isWide ? "256 bits, and says by which flag" : "128 bits"}`, async () => {
  const { SIMD, flags } = await settings();
  expect(SIMD).toMatch(isWide ? /^WebAssembly, 256 bits/ : /^WebAssembly, 128 bits/);
  expect(flags).toBe(isWide ? "--experimental-wasm-revectorize" : undefined);
});
