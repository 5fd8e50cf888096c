import type { Curve, Precision } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";
import {
  DEFAULT_CONSTRAINTS,
  describeTimeTrust,
  describeTrust,
  precisionView,
  rankedCells,
} from "../src/model.js";
import { measured, RESOLUTION, resultsOf } from "./support/results.js";

const RESULTS = resultsOf({ cells: [measured("manual/fused")] });
const [BEST] = rankedCells(RESULTS, "square", "float32", DEFAULT_CONSTRAINTS);

const point = (x: number, p99Ulp: number, nonFinite = 0) => ({
  x,
  p99Ulp,
  nonFinite,
  maxUlp: p99Ulp,
  lossRelError: 1e-8,
  relL2: 1e-8,
  maxAbs: 1e-9,
  sumAbs: 1e-6,
  rowSumResidual: 1e-8,
});

const curve = (sweep: string, points: Curve["points"], method = "manual/fused"): Curve => ({
  backend: "node",
  method,
  dtype: "float32",
  sweep,
  status: "ok",
  points,
});

const trustBy = (...curves: Curve[]) => describeTrust(viewOf(...curves), BEST);

function viewOf(...curves: Curve[]) {
  const axes = { confidence: "margin", masked: "masked classes", scale: "standard deviation" };
  const precision: Precision = {
    ulpLimit: 4,
    sweeps: Object.entries(axes).map(([id, axis]) => ({ id, axis, summary: id })),
    curves,
  };
  return precisionView({ precision });
}

const HOLDS = [point(0, 1), point(40, 4)];

describe("the trust beyond the inputs of a run", () => {
  it("was not measured without sweeps; the command that measures it is named", () => {
    expect(describeTrust(undefined, BEST)).toBe(
      "Trust beyond these inputs was not measured: pnpm study precision measures errors for confident, masked or large logits.",
    );
  });

  it("holds for each kind of logits whose sweep the winner stays within", () => {
    expect(trustBy(curve("confidence", HOLDS), curve("masked", HOLDS), curve("scale", HOLDS))).toBe(
      "node manual/fused in float32 holds for confident (margin up to 40), masked (masked classes up to 40) and " +
        "large (standard deviation up to 40) logits: 99 of 100 entries within 4 ULP.",
    );
  });

  it("ends where it leaves the limit, or is not finite", () => {
    expect(
      trustBy(
        curve("confidence", [point(0, 1), point(30, 5)]),
        curve("masked", [point(0, 1), point(2, Number.NaN, 3)]),
        curve("scale", HOLDS),
      ),
    ).toBe(
      "node manual/fused in float32 holds for large (standard deviation up to 40) logits: 99 of 100 entries within 4 ULP; " +
        "for confident logits it leaves 4 ULP at margin 30; for masked logits it turns non-finite at masked classes 2.",
    );
  });

  it("names what the sweeps leave out", () => {
    expect(trustBy(curve("scale", HOLDS))).toMatch(/; confident and masked logits were not measured\.$/);
  });

  it("does not hold where the error is undefined", () => {
    expect(trustBy(curve("masked", [point(0, 1), point(2, Number.NaN)]))).toContain(
      "holds for none of these (99 of 100 entries within 4 ULP); for masked logits it leaves 4 ULP at masked classes 2",
    );
  });

  it("claims no sweeps that the run lacks where there is no winner", () => {
    expect(describeTrust(viewOf(curve("scale", HOLDS)), undefined)).toBe(
      "The sweeps of this run show errors for large logits; confident and masked logits were not measured.",
    );
    expect(describeTrust(viewOf(curve("offset", HOLDS)), undefined)).toMatch(
      /^Trust beyond these inputs was not measured/,
    );
  });

  it("is not that of another method", () => {
    expect(trustBy(curve("scale", HOLDS, "manual/naive"))).toContain(
      "was not measured: the sweeps of this run do not include it; pnpm study precision measures it.",
    );
  });
});

describe("the trust in a time", () => {
  it("is the resolution, over the processes that it rests on", () => {
    const time = (over: Parameters<typeof measured>[1]) => {
      const results = resultsOf({ cells: [measured("manual/fused", over)], resolution: RESOLUTION });
      const [best] = rankedCells(results, "square", "float32", DEFAULT_CONSTRAINTS);
      return (isBusy: boolean) => best && describeTimeTrust(best, isBusy);
    };
    const start = "In comparisons within this run, its time is resolved to ± 2.0 % over 5 processes";
    expect(time({})(false)).toBe(`${start}; another run may differ by more.`);
    expect(time({})(true)).toBe(`${start}, on a busy machine; another run may differ by more.`);
  });
});
