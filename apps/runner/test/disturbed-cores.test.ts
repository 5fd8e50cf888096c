import { findWorkload } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";
import type { PlannedCell } from "../dist/plan/plan.js";
import type { Measurement } from "../dist/results/journal/entries.js";
import { RunState } from "../dist/results/journal/remaining-work.js";
import { decidingMeasurements, reviewed, timeOf } from "../dist/results/journal/settled-measurements.js";

const workload = findWorkload("16x10");
if (!workload) throw new Error("no workload 16x10");
const cell: PlannedCell = { backend: "b", method: "manual/fused", dtype: "float32", workload };

type Sampling = NonNullable<Measurement["sampling"]>;

/** A measurement in windows of 10 ms, of which a share was disturbed. */
const measurement = (
  steadiness: Sampling["steadiness"]["gradient"] & string,
  { pass = 0, disturbed = 0, latencyNs = 50, probeNs = 1e5 } = {},
): Measurement => ({
  type: "cell",
  round: 0,
  pass,
  backend: "b",
  method: "manual/fused",
  dtype: "float32",
  workload: "16x10",
  status: "ok",
  samples: { forward: [], gradient: [1e4], readback: [], roundtrip: [] },
  sampling: {
    callsPerSample: {},
    steadiness: { gradient: steadiness, roundtrip: steadiness },
    settlingNs: 0,
    probeNs,
    latencyNs,
    windowsNs: 1e7,
    disturbedNs: disturbed * 1e7,
  },
});

describe("a cell", () => {
  /** The number of retries, at most two, that follow these passes of a process; each has the outcome of the last pass. */
  const visitsAgain = (...passes: readonly Measurement[]): number => {
    const others = [1, 2, 3, 4].map((round) => ({
      ...measurement("settled"),
      method: "manual/naive",
      round,
    }));
    const state = new RunState([...(others as Measurement[]), ...passes], [cell], true);
    let again = 0;
    for (const retry of [0, 1]) {
      const pass = 2 + retry;
      if (state.remaining({ cell, isTwin: false, pass, retry }, 0) !== "measurement") continue;
      again++;
      const last = passes.at(-1);
      if (last) state.add({ ...last, pass });
    }
    return again;
  };
  const disturbed = (pass = 0) => measurement("unsettled", { pass, disturbed: 1 });

  it("is visited again instead of each time in which its cores were disturbed", () => {
    expect(visitsAgain(measurement("settled"), measurement("settled", { pass: 1 }))).toBe(0);
    expect(visitsAgain(disturbed(), measurement("settled", { pass: 1 }))).toBe(1);
    expect(visitsAgain(disturbed(), disturbed(1))).toBe(2);
  });

  it("is not if it never settles although nothing disturbs it, or is too slow to tell", () => {
    const drifting = (pass: number) => measurement("unsettled", { pass, disturbed: 0.1 });
    expect(visitsAgain(drifting(0), drifting(1))).toBe(0);
    expect(visitsAgain(measurement("untested", { disturbed: 1 }))).toBe(0);
  });

  it("is if it seemed to have settled, on cores that were never near each other", () => {
    const far = (pass: number) => measurement("settled", { pass, latencyNs: 320 });
    expect(visitsAgain(far(0), far(1))).toBe(2);
    expect(visitsAgain(far(0), measurement("settled", { pass: 1 }))).toBe(1);
  });
});

describe("the time of a process", () => {
  const timed = (pass: number, state: "settled" | "unsettled", ns: number, round = 0): Measurement => ({
    ...measurement(state, { pass }),
    round,
    samples: { forward: [], gradient: [ns, ns, ns], readback: [], roundtrip: [] },
  });
  const deciding = (...of: readonly Measurement[]) =>
    decidingMeasurements(of, "gradient").map((measurement) => timeOf(measurement, "gradient"));

  it("is that of its fastest pass of those that had settled", () => {
    expect(deciding(timed(0, "settled", 120), timed(1, "settled", 100), timed(2, "unsettled", 90))).toEqual([
      100,
    ]);
    expect(deciding(timed(0, "settled", 120), timed(1, "settled", 100), timed(0, "settled", 110, 1))).toEqual(
      [100, 110],
    );
  });

  it("decides only if another process had not settled at all", () => {
    expect(deciding(timed(0, "unsettled", 80), timed(0, "settled", 110, 1))).toEqual([110]);
    expect(deciding(timed(0, "unsettled", 80), timed(0, "unsettled", 110, 1))).toEqual([80, 110]);
  });
});

describe("measurements, in the light of all", () => {
  const near = Array.from({ length: 6 }, () => measurement("settled"));
  const steadiness = (of: readonly Measurement[]) => of.map(({ sampling }) => sampling?.steadiness.gradient);

  it("have not settled where the cores were far apart all the time", () => {
    const early = [measurement("settled", { latencyNs: 320 }), measurement("untested", { latencyNs: 320 })];
    expect(steadiness(reviewed([...early, ...near]))).toEqual(["unsettled", "untested", ...steadiness(near)]);
  });

  it("are what they were where an engine did not optimise the probe", () => {
    const slow = [measurement("settled", { probeNs: 1.8e5 })];
    expect(reviewed([...slow, ...near])).toEqual([...slow, ...near]);
  });

  it("are what they were on a machine whose cores are always that far apart", () => {
    const far = near.map(() => measurement("settled", { latencyNs: 320 }));
    expect(reviewed(far)).toEqual(far);
  });
});
