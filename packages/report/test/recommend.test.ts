import { describe, expect, it } from "vitest";
import { type Constraints, DEFAULT_CONSTRAINTS, fastestRow, rankedCells, verdictOn } from "../src/model.js";
import { recommend } from "../src/recommend.js";
import { backend, measured, resultsOf } from "./support/results.js";

const on = (
  id: string,
  code: "native" | "webassembly" | undefined,
  kind: "cpu" | "gpu" | "software-gpu" = "cpu",
) =>
  backend({
    id,
    engine: { name: id, version: "1", ...(code ? { code } : {}) },
    device: { kind, name: "some" },
  });

const roundtrip = (us: number) => ({
  medianNs: 1000 * us,
  madNs: 1,
  ci95Ns: [990 * us, 1010 * us] as [number, number],
  coverage: 0.96,
  scope: "process" as const,
  samples: [],
});

const cellOn = (id: string, us: number, maxUlp: number, trip: number) => {
  const cell = measured("manual/fused", { us, error: { maxUlp, p99Ulp: maxUlp / 4 } }, { backend: id });
  return { ...cell, timing: { ...cell.timing, roundtrip: roundtrip(trip) } };
};

const RESULTS = resultsOf({
  backends: [
    on("gpu", "native", "gpu"),
    on("cpu", "native"),
    on("wasm", "webassembly"),
    on("old", undefined),
  ],
  cells: [
    ...[cellOn("gpu", 10, 40, 500), cellOn("cpu", 20, 20, 90)],
    ...[cellOn("wasm", 30, 12, 60), cellOn("old", 25, 2, 70)],
  ],
});

const recommendFor = (results: typeof RESULTS, constraints: Constraints) =>
  recommend(rankedCells(results, "square", "float32", constraints), constraints, results.backends);

const bestFor = (over: Partial<Constraints>) =>
  recommendFor(RESULTS, { ...DEFAULT_CONSTRAINTS, ...over }).best?.backend;

describe("a recommendation", () => {
  it.each<[string, Partial<Constraints>, string | undefined]>([
    ["is the fastest", {}, "gpu"],
    ["is the fastest on the CPU", { cpuOnly: true }, "cpu"],
    ["takes what does not say how it is built for native code", { noNativeCode: true }, "wasm"],
    ["goes by the round trip", { phase: "roundtrip" }, "wasm"],
    ["keeps to a largest error", { error: { measure: "maxUlp", limit: 20 } }, "cpu"],
    ["keeps to an error of 99 of 100 entries", { error: { measure: "p99Ulp", limit: 3 } }, "old"],
    ["is none where nothing is within the bound", { error: { measure: "maxUlp", limit: 1 } }, undefined],
  ])("%s", (_, constraints, backendId) => {
    expect(bestFor(constraints)).toBe(backendId);
  });

  it("is never on a GPU in software, however fast", () => {
    const backends = [on("swiftshader", "native", "software-gpu"), on("wasm", "webassembly")];
    const [software, wasm] = [cellOn("swiftshader", 1, 2, 10), cellOn("wasm", 30, 2, 60)];
    const found = recommendFor(resultsOf({ backends, cells: [software, wasm] }), DEFAULT_CONSTRAINTS);
    expect([found.best?.backend, found.faster]).toEqual(["wasm", undefined]);
    const alone = recommendFor(resultsOf({ backends, cells: [software] }), DEFAULT_CONSTRAINTS);
    expect(alone.best).toBeUndefined();
    expect(verdictOn("square", "float32", alone, DEFAULT_CONSTRAINTS, {})).toBe(
      "square, float32: no winner: all cells were measured on a GPU in software, whose times are not representative.",
    );
  });

  it("names the next that is slower beyond doubt, and what is faster but outside", () => {
    const constraints: Constraints = { ...DEFAULT_CONSTRAINTS, error: { measure: "maxUlp", limit: 20 } };
    const found = recommendFor(RESULTS, constraints);
    expect([found.best?.backend, found.runnerUp?.backend, found.faster?.backend]).toEqual([
      "cpu",
      "old",
      "gpu",
    ]);
    expect(verdictOn("square", "float32", found, constraints, {})).toBe(
      "square, float32: cpu manual/fused is the fastest within the error bound (every entry within 20 ULP): 20.0 µs, " +
        "relative L2 error 3.0e-8, max 20 ULP (gpu manual/fused is faster, but its error of 40 ULP exceeds the bound). " +
        "Next is old manual/fused, 1.25× as long.",
    );
  });

  it.each([
    [5e-7, "relative L2 error ≤ 5.0e-7, 8.4 unit roundoffs", "b"],
    [5e-8, "relative L2 error ≤ 5.0e-8, 0.84 unit roundoffs", undefined],
  ])("keeps to a relative L2 error of %d, whatever its unit roundoffs", (limit, words, best) => {
    const cells = [
      measured("m", { us: 1, error: { relL2: 6e-7 } }, { backend: "a" }),
      measured("m", { us: 2, error: { relL2: 4e-7 } }, { backend: "b" }),
    ];
    const results = resultsOf({ backends: [backend({ id: "a" }), backend({ id: "b" })], cells });
    const constraints: Constraints = { ...DEFAULT_CONSTRAINTS, error: { measure: "relL2Plain", limit } };
    const found = recommendFor(results, constraints);
    expect(found.best?.backend).toBe(best);
    expect(verdictOn("square", "float32", found, constraints, {})).toContain(words);
  });

  it("takes the same backend on another host for no other backend", () => {
    const ids = ["wasm@chromium", "wasm@firefox", "other"];
    const cells = ids.map((id, index) => measured("m", { us: 10 + index }, { backend: id }));
    const found = recommendFor(
      resultsOf({ backends: ids.map((id) => backend({ id })), cells }),
      DEFAULT_CONSTRAINTS,
    );
    expect([found.best?.backend, found.nextBackend?.backend]).toEqual(["wasm@chromium", "other"]);
  });

  it.each([
    [[0, 0], "= 1.00×"],
    [[0, 5], ""],
  ])("has no ratio that is not a number over times of %j µs", (us, ratio) => {
    const ids = ["a", "b"];
    const cells = ids.map((id, index) => measured("m", { us: us[index] ?? 0 }, { backend: id }));
    const found = recommendFor(
      resultsOf({ backends: ids.map((id) => backend({ id })), cells }),
      DEFAULT_CONSTRAINTS,
    );
    expect(found.best && fastestRow(found.best, found).ratio).toBe(ratio);
  });

  it("says which constraint leaves nothing", () => {
    const constraints = { ...DEFAULT_CONSTRAINTS, cpuOnly: true, noNativeCode: true };
    const gpuOnly = { ...RESULTS, cells: RESULTS.cells.slice(0, 1) };
    const found = recommendFor(gpuOnly, constraints);
    expect(verdictOn("square", "float32", found, constraints, {})).toBe(
      "square, float32: no cell on the CPU without native code was measured.",
    );
  });
});
