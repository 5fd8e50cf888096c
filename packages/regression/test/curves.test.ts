import type { Cell, Curve, Results } from "@softmax-bench/core";
import { DEFAULT_LIMITS, gateComparison, type ProcessRun, toOutcome } from "@softmax-bench/regression";
import { describe, expect, it } from "vitest";

const KEY = "b manual/fused float32 sweep/scale";
const NAMES = { baseline: "main", candidate: "this checkout" };

const point = (x: number, relL2: number): Curve["points"][number] => ({
  x,
  lossRelError: 0,
  relL2,
  maxAbs: 0,
  sumAbs: 0,
  maxUlp: 0,
  p99Ulp: 0,
  nonFinite: 0,
  rowSumResidual: 0,
});

const withCurve = (digest: string, points: Curve["points"], failure?: string): Results => ({
  schemaVersion: 1,
  run: {
    id: "r",
    startedAt: "2026-01-01T00:00:00.000Z",
    finishedAt: "2026-01-01T00:00:10.000Z",
    profile: "digests",
    argv: [],
    commit: null,
  },
  environment: { cpu: "EPYC", cores: 2, memoryBytes: 1, os: "o", node: "v20", versions: {} },
  backends: [{ id: "b", status: "available" }],
  cells: [],
  distances: [],
  precision: {
    ulpLimit: 4,
    sweeps: [{ id: "scale", summary: "s", axis: "a" }],
    curves: [
      {
        backend: "b",
        method: "manual/fused",
        dtype: "float32" satisfies Cell["dtype"],
        sweep: "scale",
        ...(failure
          ? { status: "failed", reason: failure }
          : { status: "ok", gradientDigest: `sha256:${digest.repeat(64)}` }),
        points,
      },
    ],
  },
});

const pass = (role: "baseline" | "candidate", stage: "digests" | "errors", results: Results): ProcessRun => ({
  role,
  stage,
  block: 0,
  asked: [KEY],
  results,
});

const compare = (passes: readonly ProcessRun[]) => {
  const comparison = gateComparison(passes, [KEY], DEFAULT_LIMITS, NAMES);
  return { outcome: toOutcome(comparison), comparison };
};

describe("a curve in a gate of errors alone", () => {
  it("passes with the same digest, although nothing was timed", () => {
    const { outcome, comparison } = compare([
      pass("baseline", "digests", withCurve("a", [])),
      pass("candidate", "digests", withCurve("a", [])),
    ]);
    expect(comparison.cells).toMatchObject([{ workload: "sweep/scale", verdict: "pass" }]);
    expect(outcome).toBe("pass");
  });

  it("regresses where an error grew at one point, below a larger one at another", () => {
    const [easy, hard] = [1e-6, 0.5];
    const baseline = withCurve("a", [point(1, easy), point(100, hard)]);
    const candidate = withCurve("c", [point(1, 5 * easy), point(100, hard)]);
    const { outcome, comparison } = compare([
      pass("baseline", "digests", withCurve("a", [])),
      pass("candidate", "digests", withCurve("c", [])),
      pass("candidate", "errors", candidate),
      pass("baseline", "errors", baseline),
    ]);
    expect(comparison.cells[0]?.error?.reason).toBe("at 1: relative L2 error: 0.0000010 → 0.0000050");
    expect(outcome).toBe("regression");
  });

  it("is changed where no error grew, and broken where it failed on one side", () => {
    const points = [point(1, 1e-6)];
    const changed = compare([
      pass("baseline", "digests", withCurve("a", [])),
      pass("candidate", "digests", withCurve("c", [])),
      pass("candidate", "errors", withCurve("c", points)),
      pass("baseline", "errors", withCurve("a", points)),
    ]);
    expect(changed.comparison.cells[0]?.verdict).toBe("changed");
    expect(changed.outcome).toBe("pass");
    const failed = compare([
      pass("baseline", "digests", withCurve("a", [])),
      pass("candidate", "digests", withCurve("", [], "out of memory")),
    ]);
    expect(failed.comparison.notCompared).toMatchObject([{ kind: "broken" }]);
    expect(failed.outcome).toBe("incomplete");
  });
});
