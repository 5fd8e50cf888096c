import { describe, expect, it } from "vitest";
import { hostsView, reportView } from "../src/model.js";
import { backend, linesWith, markdownOf, measured, resultsOf, terminalOf } from "./support/results.js";

const reference = (id: string, name: string) =>
  backend({ id, host: "python", reference: true, engine: { name, version: "1.2", code: "native" } });

const onPython = (id: string, us: number, over: Parameters<typeof measured>[1] = {}) => ({
  ...measured("manual/fused", { us, ...over }, { backend: id }),
  host: "python",
});

/** JavaScript at 100 and 250 µs, and references. */
const withReferences = (...references: ReturnType<typeof onPython>[]) =>
  resultsOf({
    backends: [
      backend({ id: "wasm" }),
      backend({ id: "node" }),
      reference("pytorch", "PyTorch"),
      reference("jax", "JAX"),
    ],
    cells: [
      measured("manual/fused", { us: 100 }, { backend: "wasm" }),
      measured("manual/fused", { us: 250 }, { backend: "node" }),
      ...references,
    ],
  });

const workloadOf = (results: ReturnType<typeof resultsOf>) => {
  const [workload] = reportView(results).workloads;
  if (!workload) throw new Error("there is no workload");
  return workload;
};

describe("a reference", () => {
  it("is in the table under its own name, without a rank, as a ratio to the fastest in JavaScript", () => {
    const { ranked } = workloadOf(withReferences(onPython("pytorch", 50), onPython("jax", 100.5)));
    expect(ranked.map(({ backend: id, rank, ratio, tied }) => [id, rank, ratio, tied])).toEqual([
      ["pytorch", undefined, 0.5, false],
      ["wasm", 1, 1, false],
      ["jax", undefined, 1.005, false],
      ["node", 2, 2.5, false],
    ]);
  });

  it("is never the winner, nor next, nor tied, nor faster but outside", () => {
    const { verdicts } = workloadOf(withReferences(onPython("pytorch", 50), onPython("jax", 100.5)));
    expect(verdicts[0]).toContain("wasm manual/fused is the fastest within the error bound");
    expect(verdicts.join()).not.toMatch(/pytorch|jax/);
  });

  it("is compared with the best in JavaScript, by workload and dtype", () => {
    const results = withReferences(onPython("pytorch", 50), onPython("jax", 400));
    expect(workloadOf(results).references).toEqual([
      "square, float32: the best JavaScript backend (wasm manual/fused, 100 µs) takes 2.00× as long as the best of PyTorch 1.2 (manual/fused, 50.0 µs).",
      "square, float32: the best JavaScript backend (wasm manual/fused, 100 µs) takes 0.250× as long as the best of JAX 1.2 (manual/fused, 400 µs).",
    ]);
    for (const text of [terminalOf(results), markdownOf(results)]) {
      expect(linesWith(text, "takes 2.00× as long as the best of PyTorch 1.2")).toHaveLength(1);
      expect(text).toMatch(/pytorch \\?\(reference/);
    }
  });

  it("takes as long where the two times are closer than the resolution", () => {
    expect(workloadOf(withReferences(onPython("jax", 101))).references).toEqual([
      "square, float32: the best JavaScript backend (wasm manual/fused, 100 µs) takes as long as the best of JAX 1.2 (manual/fused, 101 µs): the joint resolution is 15 %.",
    ]);
  });

  it("is as fast within the joint resolution of both, which is not the coarser of the two", () => {
    const group = (id: string, ratio: number) =>
      ({ backend: id, workload: "square", phase: "gradient", ratio, processes: 5 }) as const;
    const groups = [group("wasm", 0.02), { ...group("jax", 0.37), host: "python" }];
    const results = { ...withReferences(onPython("jax", 101)), resolution: { groups, identicalPairs: [] } };
    expect(workloadOf(results).references[0]).toMatch(/: the joint resolution is 25 %\.$/);
  });

  it("is not compared where its times had not settled, or its error is outside the bound", () => {
    const unsettled = onPython("pytorch", 50, { time: { steadiness: "unsettled" } });
    const wrong = onPython("jax", 50, { error: { relL2: 1 } });
    expect(workloadOf(withReferences(unsettled, wrong)).references).toEqual([
      "square, float32: no gradient of PyTorch 1.2 within the error bound has settled times, to compare with.",
      "square, float32: no gradient of JAX 1.2 within the error bound has settled times, to compare with.",
    ]);
  });

  it("is the fastest of itself where nothing else was measured, and no winner", () => {
    const results = resultsOf({
      backends: [reference("pytorch", "PyTorch")],
      cells: [onPython("pytorch", 50)],
    });
    const { ranked, verdicts, references } = workloadOf(results);
    expect(ranked.map(({ ratio }) => ratio)).toEqual([1]);
    expect(verdicts).toEqual(["square, float32: no winner: only references were measured."]);
    expect(references[0]).toContain("no gradient in JavaScript");
  });

  it("makes no host to compare with", () => {
    expect(hostsView(withReferences(onPython("pytorch", 50)))).toBeUndefined();
  });
});
