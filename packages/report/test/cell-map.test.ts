import type { BackendRecord, Cell } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";
import { cellMap, DEFAULT_CONSTRAINTS } from "../src/model.js";
import { backend, measured, resultsOf } from "./support/results.js";

const on = (id: string, over: Parameters<typeof backend>[0] = {}) => backend({ id, ...over });

const cellOn = (id: string, method: string, us: number, relL2 = 3e-8): Cell =>
  measured(method, { us, error: { relL2 } }, { backend: id });

const without = (
  id: string,
  method: string,
  status: Exclude<Cell["status"], "ok">,
  reason: string,
): Cell => ({
  backend: id,
  method,
  dtype: "float32",
  workload: "square",
  status,
  reason,
});

const mapOf = (
  cells: readonly Cell[],
  backends: BackendRecord[] = [on("a"), on("b"), on("c")],
  over: Partial<typeof DEFAULT_CONSTRAINTS> = {},
) => cellMap(cells, resultsOf({ backends, cells: [...cells] }), { ...DEFAULT_CONSTRAINTS, ...over });

describe("the map of cells", () => {
  it("sorts backends and methods by their best eligible time, those without one last", () => {
    const map = mapOf([
      cellOn("a", "m", 1, 0.5),
      cellOn("a", "n", 900),
      cellOn("b", "m", 20),
      cellOn("b", "n", 30),
      cellOn("c", "n", 2, 0.5),
    ]);
    expect(map.columns.map((column) => column.backend)).toEqual(["b", "a", "c"]);
    expect(map.methods).toEqual(["m", "n"]);
  });

  it("tells apart the fastest, what is tied with it, outside, unsettled, and no contender", () => {
    const unsettled = measured("m", { us: 1, time: { steadiness: "unsettled" } }, { backend: "c" });
    const map = mapOf(
      [
        cellOn("a", "m", 100),
        cellOn("a", "n", 900),
        cellOn("b", "m", 100.5),
        cellOn("b", "n", 1, 0.5),
        unsettled,
        cellOn("torch", "m", 1),
      ],
      [on("a"), on("b"), on("c"), on("torch", { reference: true })],
    );
    const standing = (id: string, method: string) => map.find(id, method)?.standing;
    expect(standing("a", "m")).toBe("fastest");
    expect(standing("b", "m")).toBe("tied");
    expect(standing("b", "n")).toBe("outside");
    expect(standing("c", "m")).toBe("unsettled");
    expect(standing("torch", "m")).toBe("not a contender");
    expect(map.columns.find((column) => column.backend === "torch")?.note).toBe("reference");
  });

  it("gives each kind of absence a word of its own", () => {
    const slow =
      "the default profile gives d at most 1 million elements, more take it seconds each time; --profile full measures it";
    const { foldedBackends } = mapOf(
      [
        cellOn("a", "m", 1),
        without("no-driver", "m", "unsupported", "no-driver is unavailable: there is no driver"),
        without("no-op", "m", "unsupported", "no such operator"),
        without("slow", "m", "unsupported", slow),
        without("stuck", "m", "timeout", "no answer"),
        without("dead", "m", "crashed", "SIGSEGV"),
        without("wrong", "m", "failed", "not finite"),
      ],
      [on("a"), { id: "no-driver", status: "unavailable", reason: "there is no driver" }, on("unplanned")],
    );
    expect(foldedBackends.map(({ names, kind }) => [...names, kind])).toEqual([
      ["no-driver", "unavailable"],
      ["unplanned", "not measured"],
      ["no-op", "unsupported"],
      ["slow", "too slow"],
      ["stuck", "timed out"],
      ["dead", "crashed"],
      ["wrong", "failed"],
    ]);
  });

  it("folds away what the reader cannot use, and says so, but not what was unavailable anyway", () => {
    const { columns, foldedBackends } = mapOf(
      [cellOn("native", "m", 1), cellOn("wasm", "m", 2)],
      [
        on("native", { engine: { name: "n", version: "1", code: "native" } }),
        on("wasm", { engine: { name: "w", version: "1", code: "webassembly" } }),
        { id: "gone", status: "unavailable", reason: "there is no driver" },
      ],
      { noNativeCode: true },
    );
    expect(columns.map((column) => column.backend)).toEqual(["wasm"]);
    expect(foldedBackends).toEqual([
      { names: ["native"], kind: "excluded", reason: "native code" },
      { names: ["gone"], kind: "unavailable", reason: "there is no driver" },
    ]);
  });

  it("says of a method measured only on what the reader cannot use that it is left out", () => {
    const { foldedMethods } = mapOf(
      [cellOn("native", "n", 1), cellOn("wasm", "m", 2), without("wasm", "n", "unsupported", "no kernel")],
      [
        on("native", { engine: { name: "n", version: "1", code: "native" } }),
        on("wasm", { engine: { name: "w", version: "1", code: "webassembly" } }),
      ],
      { noNativeCode: true },
    );
    expect(foldedMethods).toMatchObject([{ names: ["n"], kind: "excluded" }]);
  });

  it("gives the commonest kind where cells are absent for several", () => {
    const { foldedBackends } = mapOf(
      [
        cellOn("a", "m", 1),
        without("b", "m", "crashed", "SIGSEGV"),
        without("b", "n", "unsupported", "no kernel"),
        without("b", "o", "unsupported", "no kernel"),
      ],
      [on("a"), on("b")],
    );
    expect(foldedBackends).toEqual([{ names: ["b"], kind: "unsupported", reason: "no kernel" }]);
  });

  it("folds away a method that no backend here has, with the first backend's reason", () => {
    const { methods, foldedMethods } = mapOf([
      cellOn("a", "m", 1),
      without("a", "n", "unsupported", "no kernel"),
    ]);
    expect(methods).toEqual(["m"]);
    expect(foldedMethods).toEqual([{ names: ["n"], kind: "unsupported", reason: "no kernel" }]);
  });
});
