import { describe, expect, it } from "vitest";
import { errorBound, RECOMMENDED_ROUNDOFFS, viewOf } from "../src/index.js";
import {
  absent,
  markdownOf,
  measured,
  resultsOf,
  sentenceOn,
  terminalOf,
  withCells,
} from "./support/results.js";

const OUTSIDE = { relL2: 0.02 };

describe("the error bound", () => {
  it("is a number of unit roundoffs of the dtype", () => {
    expect(errorBound("float32")).toBe(RECOMMENDED_ROUNDOFFS * 2 ** -24);
    expect(errorBound("float64")).toBe(RECOMMENDED_ROUNDOFFS * 2 ** -53);
  });

  it("includes an error that equals it", () => {
    expect(sentenceOn(measured("edge", { error: { relL2: errorBound("float32") } }))).toContain(
      "node edge is the fastest within",
    );
  });
});

describe("the closing sentence", () => {
  it("names the fastest cell where that is within the bound", () => {
    expect(sentenceOn(measured("slow", { us: 200 }), measured("fast", { us: 100 }))).toBe(
      "square, float32: node fast is the fastest within the error bound " +
        "(relative L2 error ≤ 9.5e-7, 16 unit roundoffs): 100 µs, relative L2 error 3.0e-8, max 2 ULP. " +
        "Next is node slow, 2.00× as long.",
    );
  });

  it("names the fastest within the bound, and what is faster but outside", () => {
    const sentence = sentenceOn(measured("wrong", { us: 50, error: OUTSIDE }), measured("right"));
    expect(sentence).toContain("node right is the fastest within");
    expect(sentence).toMatch(/ \(node wrong is faster, but outside: 2\.0e-2\)\.$/);
  });

  it("does not call a cell faster whose interval overlaps that of the named one", () => {
    const sentence = sentenceOn(measured("wrong", { us: 99, error: OUTSIDE }), measured("right"));
    expect(sentence).toMatch(/ \(node wrong is as fast, but outside: 2\.0e-2\)\.$/);
  });

  it("says that no gradient is within the bound", () => {
    expect(sentenceOn(measured("wrong", { error: OUTSIDE }))).toBe(
      "square, float32: no gradient is within the error bound (relative L2 error ≤ 9.5e-7, 16 unit roundoffs).",
    );
  });

  it("says that nothing was measured", () => {
    expect(sentenceOn(absent("stable", "crashed", "SIGSEGV"))).toBe("square, float32: no cell was measured.");
  });

  it("says so too of a workload that the run did not get to", () => {
    expect(sentenceOn()).toBe("square: no cell was measured.");
  });

  it("excludes a cell with non-finite entries, and gives those as the reason", () => {
    const sentence = sentenceOn(
      measured("overflowing", { us: 50, error: { relL2: 1e-8, nonFinite: 3 } }),
      measured("right"),
    );
    expect(sentence).toContain("node right is the fastest within");
    expect(sentence).toMatch(/\(node overflowing is faster, but outside: 3 non-finite\)\.$/);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("excludes a cell whose error is %d", (relL2) => {
    expect(sentenceOn(measured("undefined", { us: 50, error: { relL2 } }), measured("right"))).toContain(
      "node right is the fastest within",
    );
  });

  it.each([
    [1, "tied with node b."],
    [2, "tied with node b and node c."],
    [3, "tied with node b, node c and node d."],
    [4, "tied with node b, node c and 2 others."],
    [6, "tied with node b, node c and 4 others."],
  ])("names rivals, of more than three only the first two (%d rivals)", (rivals, ending) => {
    const cells = ["a", "b", "c", "d", "e", "f", "g"]
      .slice(0, rivals + 1)
      .map((name, index) => measured(name, { us: 100 + index / 10 }));
    expect(sentenceOn(...cells)).toMatch(new RegExp(`, ${ending.replaceAll(".", "\\.")}$`));
  });

  it("counts no cell outside the bound among the rivals", () => {
    expect(sentenceOn(measured("right"), measured("wrong", { us: 100.1, error: OUTSIDE }))).not.toContain(
      "tied",
    );
  });

  it("is given for each dtype", () => {
    expect(
      sentenceOn(measured("a"), measured("b", { error: { relL2: 1e-16 } }, { dtype: "float64" })),
    ).toMatch(/^square, float32: node a .*\nsquare, float64: node b .*≤ 1\.8e-15/);
  });

  it("is in both outputs, in full", () => {
    const results = withCells(measured("stable"));
    const [sentence = ""] = viewOf(results).workloads[0]?.verdicts ?? [];
    expect(terminalOf(results)).toContain(sentence);
    expect(markdownOf(results).replaceAll("\\", "")).toContain(`**${sentence}**`);
  });
});

describe("what the intervals cover", () => {
  const coverage = (...cells: ReturnType<typeof measured>[]) =>
    viewOf(resultsOf({ cells })).workloads[0]?.coverage;
  const short = { coverage: 0.875 };

  it("says over how many fresh processes the intervals are", () => {
    expect(coverage(measured("a"))).toBe("Intervals for the median, over the medians of 5 fresh processes.");
  });

  it("says so as a range where cells differ", () => {
    expect(coverage(measured("a"), measured("b", { time: { processMedians: [1, 2, 3] } }))).toContain(
      "over the medians of 3 to 5 fresh processes.",
    );
  });

  it("says several where the file does not tell how many", () => {
    const { processMedians: _, ...gradient } = measured("a").timing?.gradient ?? { processMedians: [] };
    expect(coverage({ ...measured("a"), timing: { gradient } } as ReturnType<typeof measured>)).toContain(
      "several fresh processes",
    );
  });

  it("warns that samples inside one process say nothing of others", () => {
    expect(coverage(measured("a", { time: { scope: "process" } }))).toBe(
      "Intervals for the median, over samples inside one process, which says nothing of how processes differ.",
    );
  });

  it("does not claim fresh processes for all where only some cells had them", () => {
    expect(coverage(measured("a"), measured("b", { time: { scope: "process" } }))).toMatch(
      /5 fresh processes; of some cells over samples inside one process/,
    );
  });

  it("gives the least coverage where some cells miss 95 %", () => {
    expect(coverage(measured("a"), measured("b", { time: short }))).toMatch(
      / Slow cells have too few samples for 95 %: the least covers 87\.5 %\.$/,
    );
  });

  it("does not blame slow cells where every cell misses 95 %", () => {
    expect(coverage(measured("a", { time: { coverage: 0.9375 } }), measured("b", { time: short }))).toMatch(
      / No cell has samples enough for 95 %: the least covers 87\.5 %, the most 93\.7 %\.$/,
    );
  });

  it("does not round a coverage just short of 95 % to 95 %", () => {
    expect(coverage(measured("a"), measured("b", { time: { coverage: 0.9496 } }))).toContain("covers 94.9 %");
  });
});
