import { describe, expect, it } from "vitest";
import { type Constraints, DEFAULT_CONSTRAINTS, rankedCells, recommend, verdictOn } from "../src/model.js";
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
    expect(verdictOn("square", "float32", alone, DEFAULT_CONSTRAINTS)).toBe(
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
    expect(verdictOn("square", "float32", found, constraints)).toBe(
      "square, float32: cpu manual/fused is the fastest within the error bound (every entry within 20 ULP): 20.0 µs, " +
        "relative L2 error 3.0e-8, max 20 ULP (gpu manual/fused is faster, but outside: 40 ULP). " +
        "Next is old manual/fused, 1.25× as long.",
    );
  });

  it("says which constraint leaves nothing", () => {
    const constraints = { ...DEFAULT_CONSTRAINTS, cpuOnly: true, noNativeCode: true };
    const gpuOnly = { ...RESULTS, cells: RESULTS.cells.slice(0, 1) };
    const found = recommendFor(gpuOnly, constraints);
    expect(verdictOn("square", "float32", found, constraints)).toBe(
      "square, float32: no cell on the CPU without native code was measured.",
    );
  });
});
