import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { estimateShift, findChangePoints, sharedAutocorrelation } from "../src/index.js";
import { noiseOf } from "./support/noise.js";
import { detection, falseAlarms } from "./support/study.js";

interface Fixture {
  readonly values: readonly number[];
  /** By `e_divisive` of signal-processing-algorithms 2.1.6 (MongoDB), p ≤ 0.001, 999 permutations. */
  readonly changes: readonly number[];
  /** The least-squares partition into as many segments, by `Dynp` of ruptures 1.1.10. */
  readonly ruptures?: readonly number[];
}

const fixtures = JSON.parse(
  readFileSync(new URL("fixtures/change-points.json", import.meta.url), "utf8"),
) as Readonly<Record<string, Fixture>>;

describe("findChangePoints", () => {
  it.each(Object.entries(fixtures))(
    "finds the changes that E-divisive finds, within a run, as least squares do: %s",
    (_, { values, changes, ruptures = [] }) => {
      const found = findChangePoints(values, { autocorrelation: 0 });
      for (const others of [changes, ruptures]) {
        expect(found).toHaveLength(others.length);
        for (const [index, at] of found.entries()) {
          expect(Math.abs(at - (others[index] as number))).toBeLessThanOrEqual(1);
        }
      }
    },
  );

  it("finds none among equal values, in short series, and in one wild value", () => {
    expect(findChangePoints(new Array<number>(50).fill(7))).toEqual([]);
    expect(findChangePoints([])).toEqual([]);
    expect(findChangePoints([1, 1, 1, 1, 1, 9, 9, 9, 9, 9, 9])).toEqual([]);
    const draw = noiseOf(1).normal();
    const values = Array.from({ length: 60 }, draw);
    expect(findChangePoints(values.with(59, 1e9).with(20, -1e9))).toEqual([]);
  });

  it("does not depend on unit or origin, and finds the mirrored changes in a mirrored series", () => {
    const draw = noiseOf(2).normal();
    const values = Array.from({ length: 90 }, (_, index) => draw() + (index >= 40 && index < 70 ? 4 : 0));
    const found = findChangePoints(values);
    expect(found).toEqual([40, 70]);
    expect(findChangePoints(values.map((value) => 1e6 - 1e-3 * value))).toEqual(found);
    expect(findChangePoints(values.toReversed())).toEqual([20, 50]);
  });

  it("finds a change among values that are otherwise equal", () => {
    expect(findChangePoints([...new Array<number>(10).fill(3), ...new Array<number>(10).fill(4)])).toEqual([
      10,
    ]);
  });
});

describe("sharedAutocorrelation", () => {
  it("is that of the process, and that alone, if levels change", () => {
    const noise = noiseOf(3);
    const group = (kind: "normal" | "autocorrelated (0.5)", shift: number) =>
      Array.from({ length: 100 }, () => {
        const draw = noise[kind]();
        return Array.from({ length: 100 }, (_, index) => draw() + (index >= 60 ? shift : 0));
      });
    for (const shift of [0, 8]) {
      expect(sharedAutocorrelation(group("normal", shift))).toBeCloseTo(0, 0.7);
      expect(Math.abs(sharedAutocorrelation(group("autocorrelated (0.5)", shift)) - 0.5)).toBeLessThan(0.08);
    }
  });
});

describe("estimateShift", () => {
  it("is R's wilcox.test on the example of Hollander & Wolfe (1973), p. 69: 0.305, from −0.15 to 0.76", () => {
    const term = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
    const early = [1.15, 0.88, 0.9, 0.74, 1.21];
    const { estimate, low, high } = estimateShift(early, term);
    expect(estimate).toBeCloseTo(0.305, 12);
    expect(low).toBeCloseTo(-0.15, 12);
    expect(high).toBeCloseTo(0.76, 12);
  });

  it("covers the shift in at least 93 % of samples, autocorrelated ones too", () => {
    for (const [kind, rho] of [
      ["heavy-tailed (t₃)", 0],
      ["autocorrelated (0.5)", 0.5],
    ] as const) {
      const noise = noiseOf(4)[kind];
      let covered = 0;
      for (let trial = 0; trial < 500; trial++) {
        const draw = noise();
        const values = Array.from({ length: 45 }, draw);
        const { low, high } = estimateShift(values.slice(0, 30), values.slice(30), rho);
        if (low <= 0 && high >= 0) covered++;
      }
      expect(covered / 500, kind).toBeGreaterThan(0.93);
    }
  });
});

describe("the study of change points", () => {
  const kinds = Object.keys(noiseOf(0)) as (keyof ReturnType<typeof noiseOf>)[];

  it.each(kinds)("has few false alarms in 1,000 flat series: %s", (kind) => {
    const most = kind === "autocorrelated (0.7)" ? 10 : 4;
    for (const runs of [15, 60]) expect(falseAlarms(kind, runs, 1000)).toBeLessThanOrEqual(most);
  });

  it("finds nine of ten shifts of 3 standard deviations after ten runs", () => {
    expect(detection("normal", 50, 10, 3, 80)).toBeGreaterThan(0.9);
    expect(detection("autocorrelated (0.3)", 50, 10, 3, 80)).toBeGreaterThan(0.85);
  });

  it("is the one in docs/history.md", { tags: "nightly" }, () => {
    const docs = readFileSync(new URL("../../../docs/history.md", import.meta.url), "utf8");
    const row = (...cells: readonly string[]) => `| ${cells.join(" | ")} |`;
    const rows = kinds.map((kind) => {
      const shared = [15, 60, 300].map((runs) => falseAlarms(kind, runs, 2000).toFixed(1));
      const alone = [15, 60, 300].map((runs) => falseAlarms(kind, runs, 2000, true).toFixed(1));
      return row(kind, ...shared, ...alone);
    });
    const percent = (share: number) => `${Math.round(100 * share)} %`;
    for (const kind of [
      "normal",
      "heavy-tailed (t₃)",
      "autocorrelated (0.3)",
      "autocorrelated (0.5)",
    ] as const) {
      for (const shift of [1, 2, 3, 5, 10]) {
        const found = [3, 5, 10, 20, 50].map((after) => percent(detection(kind, 50, after, shift, 200)));
        rows.push(row(kind, `${shift} σ`, ...found));
      }
    }
    const tabled = docs.split("\n").map((line) => line.replace(/ +/g, " ").trim());
    expect(rows.filter((line) => !tabled.includes(line))).toEqual([]);
  });
});
