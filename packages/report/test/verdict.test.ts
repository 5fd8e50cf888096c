import { describe, expect, it } from "vitest";
import { errorBound, RECOMMENDED_ROUNDOFFS } from "../src/constraints.js";
import { reportView } from "../src/index.js";
import {
  absent,
  backend,
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
    expect(sentence).toMatch(/ \(node wrong is faster, but its error of 2\.0e-2 exceeds the bound\)\.$/);
  });

  it("does not call a cell faster that cannot be told from the named one", () => {
    const sentence = sentenceOn(measured("wrong", { us: 99, error: OUTSIDE }), measured("right"));
    expect(sentence).toMatch(/ \(node wrong is as fast, but its error of 2\.0e-2 exceeds the bound\)\.$/);
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
    expect(sentence).toMatch(/\(node overflowing is faster, but it exceeds the bound: 3 non-finite\)\.$/);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("excludes a cell whose error is %d", (relL2) => {
    expect(sentenceOn(measured("undefined", { us: 50, error: { relL2 } }), measured("right"))).toContain(
      "node right is the fastest within",
    );
  });

  it.each([
    [1, "tied with node b: the joint resolution is 2.0 %."],
    [2, "tied with node b and node c: the joint resolution is 2.0 %."],
    [3, "tied with node b, node c and node d: the joint resolution is 2.0 %."],
    [4, "tied with node b, node c and 2 others: the joint resolution is 2.0 %."],
    [6, "tied with node b, node c and 4 others: the joint resolution is 2.0 %."],
  ])("names rivals, of more than three only the first two (%d rivals)", (rivals, ending) => {
    const cells = ["a", "b", "c", "d", "e", "f", "g"]
      .slice(0, rivals + 1)
      .map((name, index) => measured(name, { us: 100 + index / 10 }));
    expect(sentenceOn(...cells)).toMatch(new RegExp(`, ${ending.replaceAll(".", "\\.")}$`));
  });

  it("gives the joint resolution of those tied, not that of the fastest alone", () => {
    const group = (id: string, ratio: number) =>
      ({ backend: id, workload: "square", phase: "gradient", ratio, processes: 5 }) as const;
    const results = resultsOf({
      backends: ["a", "b", "c"].map((id) => backend({ id })),
      cells: ["a", "b", "c"].map((id, index) => measured("m", { us: 100 + index / 2 }, { backend: id })),
      resolution: { groups: [group("a", 0.02), group("b", 0.37), group("c", 0.02)], identicalPairs: [] },
    });
    // exp(√((ln² 1.02 + ln² 1.37) / 2)) − 1 = 0.25
    expect(reportView(results).workloads[0]?.verdicts[0]).toContain(
      "tied with b m and c m: the joint resolution is 2.0 % to 25 %.",
    );
  });

  it("never names a cell whose times had not settled, however fast", () => {
    const sentence = sentenceOn(
      measured("falling", { us: 50, time: { steadiness: "unsettled" } }),
      measured("few", { us: 60, time: { steadiness: "untested", samples: [1, 2, 3] } }),
      measured("right"),
    );
    expect(sentence).toContain("node right is the fastest within");
    expect(sentence).toContain("(node falling is faster, but its times had not settled)");
  });

  it("has no winner where no time had settled", () => {
    const sentence = sentenceOn(
      measured("few", { time: { steadiness: "untested", samples: [1, 2, 3] } }),
      measured("slow", { us: 200, time: { steadiness: "unsettled" } }),
    );
    expect(sentence).toBe(
      "square, float32: no winner: no gradient within the error bound (relative L2 error ≤ 9.5e-7, 16 unit roundoffs) has settled times. " +
        "The fastest of them is node few, 100 µs; a longer --time or another --profile may settle it.",
    );
  });

  it("names an unsettled cell within the bound behind a faster one outside", () => {
    const cells = [
      measured("wrong", { us: 40, error: OUTSIDE }),
      measured("falling", { us: 50, time: { steadiness: "unsettled" } }),
    ];
    expect(sentenceOn(...cells, measured("right"))).toContain(
      "(node wrong is faster, but its error of 2.0e-2 exceeds the bound; " +
        "node falling is faster, but its times had not settled)",
    );
    expect(sentenceOn(...cells)).toContain("The fastest of them is node falling, 50.0 µs;");
  });

  it("has no ratio to a time below the clock's resolution", () => {
    const sentence = sentenceOn(measured("none", { us: 0 }), measured("some"));
    expect(sentence).not.toMatch(/NaN|∞/);
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
    const [sentence = ""] = reportView(results).workloads[0]?.verdicts ?? [];
    expect(terminalOf(results)).toContain(sentence);
    expect(markdownOf(results).replaceAll("\\", "")).toContain(`**${sentence}**`);
  });
});

describe("what the times are", () => {
  const resolution = (...cells: ReturnType<typeof measured>[]) =>
    reportView(withCells(...cells)).workloads[0]?.resolution;

  it("says over how many fresh processes the medians are, and what they resolve", () => {
    expect(resolution(measured("a"))).toBe(
      "Medians over 5 fresh processes. Resolution 2.0 %: = marks what cannot be told from the fastest.",
    );
  });

  it("says so as ranges where cells differ", () => {
    expect(
      resolution(
        measured("a"),
        measured("b", { time: { processMedians: [1, 2, 3] } }, { backend: "unknown" }),
      ),
    ).toContain("Medians over 3 to 5 fresh processes. Resolution 2.0 % to 15 %");
  });

  it("says where there was one process only", () => {
    expect(resolution(measured("a", { time: { scope: "process" } }))).toContain(
      "Medians over the samples of one process.",
    );
    expect(resolution(measured("a"), measured("b", { time: { scope: "process" } }))).toContain(
      "5 fresh processes; of some cells over the samples of one process",
    );
  });

  it("counts what had not settled", () => {
    expect(
      resolution(
        measured("a", { time: { steadiness: "unsettled" } }),
        measured("b", { time: { steadiness: "untested" } }),
        measured("c"),
      ),
    ).toMatch(/1 of 3 had not settled within its time\. 1 rest on too few samples/);
  });
});

describe("a busy machine", () => {
  const state = { loadAverage: 2, windowNs: 1e9, otherCores: 0, steal: 0, spinNs: 1e6 };
  const busy = (during: Partial<typeof state>) =>
    reportView(resultsOf({ noise: { before: state, during: [{ ...state, ...during }], after: state } })).busy;

  it("is named at the top of every output, in one line", () => {
    const results = resultsOf({ noise: { before: state, during: [{ ...state, otherCores: 1 }] } });
    const line = "The machine was busy: other programs used 1.0 of 2 cores while this was measured.";
    expect(terminalOf(results).split("\n").indexOf("softmax-bench 20260101-000000-smoke")).toBe(1);
    expect(terminalOf(results).split("\n")[2]).toContain(line);
    expect(markdownOf(results).split("\n").slice(0, 4).join()).toContain(line);
  });

  it("is one where the hypervisor took time, or the processor's speed varied", () => {
    expect(busy({ steal: 0.5 })).toContain("the hypervisor took 0.5 cores for others");
    expect(busy({ spinNs: 1.5e6 })).toContain("the processor's speed varied by 50 %");
  });

  it("is one whose cores others used for most of the time", () => {
    const sharedFor = (disturbed: number) =>
      reportView(resultsOf({ noise: { before: state, during: [state], after: state, disturbed } })).busy;
    expect(sharedFor(0.6)).toContain(
      "others used its cores, or the hypervisor moved them apart, for 60 % of the time",
    );
    expect(sharedFor(0.4)).toBeUndefined();
  });

  it("is none where only a load average is left from before", () => {
    expect(busy({ loadAverage: 9 })).toBeUndefined();
    expect(reportView(resultsOf()).busy).toBeUndefined();
  });
});
