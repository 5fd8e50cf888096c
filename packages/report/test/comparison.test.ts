import type { Results } from "@softmax-bench/core";
import { type CellComparison, type Comparison, DEFAULT_LIMITS } from "@softmax-bench/regression";
import { DOMParser } from "@xmldom/xmldom";
import { describe, expect, it } from "vitest";
import {
  bencherMetrics,
  githubActionBenchmark,
  goBenchmarkText,
  junitXml,
  renderComparison,
  renderComparisonMarkdown,
} from "../src/index.js";
import { measured, RESOLUTION, resultsOf } from "./support/results.js";

const cell = (over: Partial<CellComparison> = {}): CellComparison => ({
  backend: "node",
  method: "manual/fused",
  dtype: "float32",
  workload: "seed-3200",
  verdict: "pass",
  time: {
    verdict: "pass",
    baselineNs: 1e6,
    candidateNs: 1.01e6,
    slowdown: 0.01,
    interval: [-0.02, 0.04],
    coverage: 0.5,
    blocks: 2,
    reason: "2 blocks give less",
  },
  error: {
    verdict: "pass",
    baseline: 4e-8,
    candidate: 4e-8,
    nondeterministic: false,
    reason: "the same gradient, bit for bit",
  },
  causes: [],
  ...over,
});

const slower = cell({
  method: "manual/naive",
  verdict: "regression",
  time: {
    verdict: "regression",
    baselineNs: 1e6,
    candidateNs: 1.2e6,
    slowdown: 0.2,
    interval: [0.15, 0.25],
    coverage: 0.95,
    blocks: 10,
    p: 0.002,
    reason: "p = 0.002 after correction",
  },
  causes: ["onnxruntime-node 1.29.0 → 1.30.0"],
});

const HOSTILE = 'a\u001b[31m"<b>&]]>\n@me | `x`';

const { environment } = resultsOf();
const comparison = (over: Partial<Comparison> = {}): Comparison => ({
  baseline: { name: "main", commit: "abc1234", environment },
  candidate: { name: "this checkout", commit: "def5678", environment },
  limits: DEFAULT_LIMITS,
  judges: true,
  inTurns: true,
  warnings: [],
  notes: ["Both were measured here."],
  cells: [cell(), slower],
  notCompared: [
    {
      backend: "cuda",
      method: "manual/fused",
      dtype: "float32",
      workload: "seed-3200",
      kind: "nowhere",
      reason: "no GPU",
    },
    {
      backend: "node",
      method: "autograd/naive",
      dtype: "float32",
      workload: "seed-3200",
      kind: "broken",
      reason: HOSTILE,
    },
  ],
  ...over,
});

describe("a comparison as text", () => {
  it("begins with what it comes to, shows the worst first, and why", () => {
    const text = renderComparison(comparison(), { color: false });
    expect(text).toContain("Regression: this checkout against main");
    expect(text).toContain(
      "2 cells compared: 1 regression, 1 pass. Of 4 in all, 2 excluded: 1 did not run, 1 not here.",
    );
    expect(text).toContain(
      "time: p = 0.002 after correction; probable cause: onnxruntime-node 1.29.0 → 1.30.0",
    );
    expect(text).toContain("+20.0 %");
    expect(text).not.toContain("\u001b");
  });

  it.each([
    ["No regression", { cells: [cell()], notCompared: [] }],
    ["Incomplete: cells that should have run did not", { cells: [cell()] }],
    ["Nothing comparable", { cells: [], notCompared: [] }],
  ])("says %s", (headline, over) => {
    expect(renderComparisonMarkdown(comparison(over))).toMatch(new RegExp(`^# ${headline}: `));
  });

  it("says what was run on both sides: commit, changes, lockfile, Node", () => {
    const built = comparison({
      baseline: { name: "main", commit: "abc1234", lockfile: "0123456789ab", environment },
      candidate: { name: "this checkout", commit: "def5678-dirty", lockfile: "ba9876543210", environment },
    });
    const sides = [
      `main (commit abc1234, clean; lockfile 0123456789ab; Node ${environment.node})`,
      `this checkout (commit def5678, with changes that are not committed; lockfile ba9876543210; Node ${environment.node})`,
    ];
    for (const text of [
      renderComparison(built, { color: false }),
      renderComparisonMarkdown(built),
      junitXml(built),
    ]) {
      for (const side of sides) expect(text.replaceAll(/\s+/g, " ").replaceAll("\\", "")).toContain(side);
    }
  });

  it("judges nothing where the two were not measured in turns, and shows the largest difference first", () => {
    const time = { ...slower.time, verdict: "slower", slowdown: 6.3, interval: [5, 8] };
    const advice = comparison({
      judges: false,
      inTurns: false,
      cells: [
        cell({ verdict: "regression", time: { ...slower.time, slowdown: 0.2 } as never }),
        cell({ method: "manual/naive", verdict: "slower", time: time as never }),
      ],
      notCompared: [],
    });
    const text = renderComparison(advice, { color: false });
    expect(text).toContain("1 slower, 1 with a larger error: this checkout against main");
    expect(`${text}${renderComparisonMarkdown(advice)}${junitXml(advice)}`.toLowerCase()).not.toContain(
      "regression:",
    );
    expect(text.indexOf("manual/naive")).toBeLessThan(text.indexOf("manual/fused"));
    expect(text).toContain("7.3× as long");
    expect(junitXml(advice)).toContain('type="larger error"');
  });

  it("warns of a busy machine before anything else", () => {
    const text = renderComparisonMarkdown(comparison({ warnings: ["latest: The machine was busy."] }));
    expect(text.split("\n\n")[1]).toContain("latest: The machine was busy.");
  });

  it("says that nothing differs beyond the resolution", () => {
    const text = renderComparisonMarkdown(
      comparison({ judges: false, inTurns: false, cells: [cell()], notCompared: [] }),
    );
    expect(text).toMatch(/^# No difference beyond the resolution: /);
  });

  it("says of two runs what did not run, and that nothing is comparable if nothing else is left", () => {
    const advice = { judges: false, inTurns: false } as const;
    expect(renderComparisonMarkdown(comparison({ ...advice, cells: [cell()] }))).toMatch(
      /^# 1 did not run: /,
    );
    const before = comparison({ ...advice, cells: [cell()] }).notCompared.map((one) => ({
      ...one,
      brokenIn: "baseline" as const,
    }));
    expect(renderComparisonMarkdown(comparison({ ...advice, cells: [cell()], notCompared: before }))).toMatch(
      /^# 1 did not run in the baseline: /,
    );
    expect(renderComparisonMarkdown(comparison({ ...advice, cells: [] }))).toMatch(/^# Nothing comparable: /);
  });

  it("says of an inconclusive cell how many more blocks would settle it", () => {
    const time = { ...slower.time, verdict: "inconclusive", moreBlocks: 14, reason: "slower, but p = 0.2" };
    const inconclusive = cell({ verdict: "inconclusive", time: time as CellComparison["time"] & object });
    expect(renderComparisonMarkdown(comparison({ cells: [inconclusive] }))).toContain(
      "about 14 more blocks would settle it",
    );
  });

  it("fits into any size, leaving out the best cells first, and says how many", () => {
    const cells = [...new Array(2000).fill(cell()), slower];
    const whole = renderComparisonMarkdown(comparison({ cells }));
    expect(Buffer.byteLength(whole)).toBeGreaterThan(65_000);
    const short = renderComparisonMarkdown(comparison({ cells }), 65_000);
    expect(Buffer.byteLength(short)).toBeLessThanOrEqual(65_000);
    expect(short).toContain("manual/naive");
    expect(short).toMatch(/\d+ more cells, none worse than these/);
    expect(Buffer.byteLength(renderComparisonMarkdown(comparison({ cells }), 100))).toBeLessThanOrEqual(100);
  });
});

describe("JUnit XML", () => {
  const parsed = (of: Comparison) => {
    const problems: string[] = [];
    const parser = new DOMParser({ onError: (level, message) => problems.push(`${level}: ${message}`) });
    const document = parser.parseFromString(junitXml(of), "text/xml");
    expect(problems).toEqual([]);
    return document;
  };

  it("has a case per cell: regressions fail, what did not run is an error, what is not here is skipped", () => {
    const document = parsed(comparison());
    const suite = document.getElementsByTagName("testsuite")[0];
    const count = (name: string) => suite?.getAttribute(name);
    expect([count("tests"), count("failures"), count("errors"), count("skipped")]).toEqual([
      "4",
      "1",
      "1",
      "1",
    ]);
    expect(document.getElementsByTagName("testcase")).toHaveLength(4);
    expect(document.getElementsByTagName("failure")[0]?.getAttribute("message")).toContain("p = 0.002");
    expect(document.getElementsByTagName("skipped")[0]?.getAttribute("message")).toBe("no GPU");
  });

  it("is well-formed whatever a reason says, and says it", () => {
    const error = parsed(comparison()).getElementsByTagName("error")[0];
    expect(error?.getAttribute("message")).toBe('a [31m"<b>&]]> @me | `x`');
  });

  it("is well-formed without a cell", () => {
    expect(parsed(comparison({ cells: [], notCompared: [] })).getElementsByTagName("testcase")).toHaveLength(
      0,
    );
  });
});

const results: Results = resultsOf({
  resolution: RESOLUTION,
  cells: [
    measured("manual/fused", { us: 100, time: { processMedians: [99_000, 101_000] } }),
    measured("manual/naive", { us: 50, error: { relL2: 0 } }, { dtype: "float64" }),
    measured("autograd/naive", { us: 70, error: { relL2: Number.POSITIVE_INFINITY } }),
  ],
});

describe("github-action-benchmark", () => {
  it("is a list of named values with unit and range, errors no smaller than a unit roundoff", () => {
    const entries = JSON.parse(githubActionBenchmark(results));
    expect(entries[0]).toEqual({
      name: "node manual/fused float32 square",
      unit: "ns",
      value: 100_000,
      range: "± 1980",
      extra: "Xeon, 2 cores, Node v20.19.0",
    });
    expect(entries[3]).toMatchObject({ name: "node manual/naive float64 square, error", value: 2 ** -53 });
    expect(entries[1]).toMatchObject({ unit: "relative L2" });
    expect(entries).toHaveLength(5);
    for (const { value } of entries) expect(value).toBeGreaterThan(0);
  });
});

describe("a time without an interval", () => {
  it("has the resolution of the run around it", () => {
    const few = measured("manual/fused", { us: 100, time: { ci95Ns: undefined, coverage: 0.75 } });
    const { latency } = JSON.parse(bencherMetrics(resultsOf({ resolution: RESOLUTION, cells: [few] })))[
      "node manual/fused float32 square"
    ];
    expect(latency.lower_value).toBeCloseTo(100_000 / 1.02, 6);
    expect(latency.upper_value).toBeCloseTo(102_000, 6);
  });
});

describe("Bencher Metric Format", () => {
  it("has a latency with its interval, or the resolution if that is wider, and an error by name", () => {
    expect(JSON.parse(bencherMetrics(results))["node manual/fused float32 square"]).toEqual({
      latency: { value: 100_000, lower_value: expect.closeTo(100_000 / 1.02, 6), upper_value: 102_000 },
      "grad-error": { value: 2 ** -24 },
    });
  });
});

describe("Go benchmark text", () => {
  const lines = goBenchmarkText(results).split("\n");

  it("has a line per process, that benchstat's grammar reads", () => {
    const benchmarks = lines.filter((line) => line.startsWith("Benchmark"));
    expect(benchmarks.slice(0, 2)).toEqual([
      "BenchmarkGradient/backend=node/method=manual.fused/workload=square/dtype=float32 1 99000 ns/op 3e-8 grad-rel-l2",
      "BenchmarkGradient/backend=node/method=manual.fused/workload=square/dtype=float32 1 101000 ns/op 3e-8 grad-rel-l2",
    ]);
    // golang.org/design/14313-benchmark-format: name, iterations, then pairs of value and unit, all parted by spaces.
    expect(benchmarks.length).toBeGreaterThan(2);
    for (const line of benchmarks) expect(line).toMatch(/^Benchmark[A-Z]\S* \d+( \S+ \S+)+$/);
    expect(lines).toContain("Unit grad-rel-l2 better=lower assume=exact");
  });

  it("ends no name in a hyphen and a number, which would be GOMAXPROCS", () => {
    const text = goBenchmarkText(
      resultsOf({ cells: [measured("manual/fused", {}, { workload: "seed-3200" })] }),
    );
    expect(text).not.toMatch(/-\d+ 1 /);
  });
});
