import { describe, expect, it } from "vitest";
import { type Replicated, resolutionSection } from "../dist/experiments/cells/resolution.js";

type Measurement = Replicated["own"][number];
type State = "settled" | "unsettled";

/** A cell, with its times in each process, and those of its twin. */
function replicated(
  method: string,
  own: readonly number[],
  twin: readonly number[] = [],
  states: { readonly own?: State; readonly twin?: State } = {},
): Replicated {
  const cell = { backend: "b", method, dtype: "float32", workload: "w", status: "ok" } as const;
  const measured = (times: readonly number[], state: State = "settled") =>
    times.map(
      (ns, round) =>
        ({
          ...cell,
          type: "cell",
          round,
          pass: 0,
          samples: { gradient: [ns], roundtrip: [] },
          sampling: { steadiness: { gradient: state } },
        }) as unknown as Measurement,
    );
  return { cell, own: measured(own, states.own), twin: measured(twin, states.twin) };
}

/** The resolution of gradient times, and that by which each pair is tested. */
function resolutionOf(...all: Replicated[]) {
  const { groups = [], identicalPairs = [] } = resolutionSection(all) ?? {};
  const [group] = groups.filter(({ phase }) => phase === "gradient");
  return { ratio: group?.ratio, tests: identicalPairs.map(({ ratioOfOthers }) => ratioOfOthers) };
}

const STEADY = Array.from({ length: 20 }, (_, index) => replicated(`steady ${index}`, [100, 101]));

describe("the resolution of a run", () => {
  it("is that of settled times: neither of unsettled cells nor of unsettled twins", () => {
    const { ratio } = resolutionOf(...STEADY);
    expect(ratio).toBeLessThan(0.01);
    const doubtful = [
      replicated("drifting", [100, 200], [], { own: "unsettled" }),
      replicated("disturbed twin", [100, 101], [160, 160], { twin: "unsettled" }),
    ];
    expect(resolutionOf(...STEADY, ...doubtful)).toEqual({ ratio, tests: [undefined] });
  });

  it("is that of unsettled times where none had settled", () => {
    const unsettled = { own: "unsettled", twin: "unsettled" } as const;
    const { ratio, tests } = resolutionOf(replicated("drifting", [100, 200], [100, 150], unsettled));
    expect(ratio).toBeGreaterThan(0.4);
    expect(tests).toEqual([undefined]);
  });

  it("is tested by each pair without that pair, which it covers otherwise", () => {
    const { ratio = 0, tests } = resolutionOf(...STEADY, replicated("twin", [100, 100], [120, 120]));
    expect(ratio).toBeCloseTo(0.2, 9);
    expect(tests).toEqual([expect.closeTo(Math.exp(Math.log(1.01) * Math.SQRT1_2) - 1, 9)]);
  });
});
