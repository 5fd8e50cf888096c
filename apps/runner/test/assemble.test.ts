import { findWorkload, type MethodId } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";
import type { PlannedCell } from "../dist/plan/plan.js";
import type { Entry, Header } from "../dist/results/journal/entries.js";
import { assemble } from "../dist/run/assemble.js";

const workload = findWorkload("16x10");
if (!workload) throw new Error("no workload 16x10");

const METHODS: readonly MethodId[] = ["manual/naive", "manual/shifted", "manual/fused"];
const planned: readonly PlannedCell[] = METHODS.map((method) => ({
  backend: "jax-js",
  method,
  dtype: "float32",
  workload,
}));

const HEADER = {
  id: "20260101-000000-default",
  startedAt: "2026-01-01T00:00:00.000Z",
  profile: "default",
  argv: [],
  backends: ["jax-js"],
  workloads: ["16x10"],
} as unknown as Header;

const measured = (method: MethodId, round: number, ns: number): Entry =>
  ({
    type: "cell",
    round,
    pass: 0,
    backend: "jax-js",
    method,
    dtype: "float32",
    workload: "16x10",
    status: "ok",
    samples: { forward: [], gradient: [ns], readback: [], roundtrip: [] },
    sampling: { callsPerSample: {}, steadiness: { gradient: "settled" }, settlingNs: 0 },
  }) as unknown as Entry;

const resultsOf = (...entries: readonly Entry[]) =>
  assemble(HEADER, entries, { cells: planned } as never, []);

describe("a run of which some processes are missing", () => {
  it("has every cell from its first process on, and is complete when each has all", () => {
    const first = METHODS.map((method) => measured(method, 0, 100));
    const inFirst = resultsOf(...first.slice(0, 2));
    expect(inFirst.cells.map(({ method }) => method)).toEqual(["manual/naive", "manual/shifted"]);
    expect(inFirst.run).toMatchObject({
      status: "interrupted",
      cellsPlanned: 3,
      processes: 1,
    });
    expect(inFirst.cells.map(({ unfinished }) => unfinished)).toEqual([true, true]);

    const inSecond = resultsOf(...first, measured("manual/naive", 1, 120));
    expect(inSecond.cells).toHaveLength(3);
    expect(inSecond.cells.map(({ timing }) => timing?.gradient?.medianNs)).toEqual([110, 100, 100]);
    expect(inSecond.cells.map(({ unfinished }) => unfinished)).toEqual([undefined, true, true]);
    expect(inSecond.run).toMatchObject({ status: "interrupted", processes: 1 });

    const whole = resultsOf(...first, ...METHODS.map((method) => measured(method, 1, 100)));
    expect(whole.run).toMatchObject({ status: "complete", processes: 2 });
  });
});
