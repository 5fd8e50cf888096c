import { type Cell, cellKey, type Results, type Steadiness, type Timing } from "@softmax-bench/core";
import {
  DEFAULT_LIMITS,
  differing,
  gateComparison,
  mergedSide,
  nondeterministic,
  type ProcessRun,
  routedKeys,
  toOutcome,
} from "@softmax-bench/regression";
import { describe, expect, it } from "vitest";

const NAMES = { baseline: "main", candidate: "this checkout" };
const key = (method: string) => `b ${method} float32 w`;

const measured = (method: string, ns: number, digest = "a"): Cell => ({
  backend: "b",
  method,
  dtype: "float32",
  workload: "w",
  status: "ok",
  timing: {
    gradient: {
      medianNs: ns,
      madNs: 0,
      ci95Ns: [ns, ns],
      coverage: 0,
      scope: "process",
      samples: [ns],
    },
  },
  gradientDigest: `sha256:${digest.repeat(64)}`,
});
const crashed = (method: string): Cell => ({
  backend: "b",
  method,
  dtype: "float32",
  workload: "w",
  status: "crashed",
  reason: "the worker was killed",
});
const results = (cells: Cell[]): Results => ({
  schemaVersion: 1,
  run: {
    id: "r",
    startedAt: "2026-01-01T00:00:00.000Z",
    finishedAt: "2026-01-01T00:00:10.000Z",
    profile: "gate",
    argv: [],
    commit: null,
  },
  environment: { cpu: "EPYC", cores: 2, memoryBytes: 1, os: "o", node: "v20", versions: {} },
  backends: [{ id: "b", status: "available" }],
  cells,
  distances: [],
});

/** Blocks in which the baseline has one list of cells, the candidate another. */
const blocks = (
  stage: "route" | "decide",
  count: number,
  baseline: Cell[],
  candidate: Cell[],
): ProcessRun[] =>
  Array.from({ length: count }, (_, block) =>
    (["baseline", "candidate", "candidate", "baseline"] as const).map((role) => ({
      stage,
      block,
      role,
      asked: baseline.map(cellKey),
      results: results(role === "candidate" ? candidate : baseline),
    })),
  ).flat();
const judge = (passes: readonly ProcessRun[], asked: readonly string[]) =>
  gateComparison(passes, asked, DEFAULT_LIMITS, NAMES);

describe("a gate's passes", () => {
  const [steady, slow] = [measured("steady", 1e6), measured("slow", 1e6)];
  const first = blocks("route", 2, [steady, slow], [steady, measured("slow", 1.15e6)]);

  it("are judged by the second stage where the first one routes, and by the first elsewhere", () => {
    expect(routedKeys(first, DEFAULT_LIMITS)).toEqual([key("slow")]);
    const passes = [...first, ...blocks("decide", 10, [slow], [measured("slow", 1.12e6)])];
    const { cells, notCompared } = judge(passes, [key("steady"), key("slow")]);
    expect(cells.map(({ method, verdict, time }) => [method, verdict, time?.blocks])).toEqual([
      ["steady", "pass", 2],
      ["slow", "regression", 10],
    ]);
    // The first stage's 15 % chose the cell, and do not count.
    expect(cells[1]?.time?.slowdown).toBeCloseTo(0.12, 12);
    expect(notCompared).toEqual([]);
  });

  it("take the lower decile of a process's samples for its time: what disturbs it, by a third for a while, only adds", () => {
    const disturbed = (from: number): Cell => {
      const samples = Array.from({ length: 20 }, (_, index) => (index < from ? 1e6 : 1.33e6));
      const cell = measured("steady", 1e6);
      return { ...cell, timing: { gradient: { ...(cell.timing?.gradient as Timing), samples } } };
    };
    const passes = blocks("route", 2, [disturbed(18)], [disturbed(4)]);
    expect(judge(passes, [key("steady")]).cells[0]?.time?.slowdown).toBeCloseTo(0, 12);
  });

  it("are inconclusive where there was no time for the second stage, and say so", () => {
    const omitted = ["The second look ended after 0 of 12 blocks."];
    const both = [key("steady"), key("slow")];
    const comparison = gateComparison(first, both, DEFAULT_LIMITS, NAMES, { omitted });
    expect(comparison.cells.map(({ method, verdict }) => [method, verdict])).toEqual([
      ["steady", "pass"],
      ["slow", "inconclusive"],
    ]);
    expect(comparison.notes).toContain(omitted[0]);
    expect(toOutcome(comparison)).toBe("pass");
  });

  it("are incomplete where a routed cell has no second stage", () => {
    const comparison = judge(first, [key("steady"), key("slow")]);
    expect(comparison.notCompared).toMatchObject([{ method: "slow", kind: "broken" }]);
    expect(toOutcome(comparison)).toBe("incomplete");
  });

  it("are incomplete where a cell that was asked for was measured nowhere", () => {
    const comparison = judge(blocks("route", 2, [steady], [steady]), [key("steady"), key("gone")]);
    expect(comparison.notCompared).toMatchObject([{ method: "gone", kind: "broken" }]);
    expect(toOutcome(comparison)).toBe("incomplete");
  });

  it("are incomplete where one process of many crashed in a cell", () => {
    const [one, ...others] = blocks("route", 2, [steady], [steady]);
    const passes = [...others, { ...(one as ProcessRun), results: results([crashed("steady")]) }];
    expect(toOutcome(judge(passes, [key("steady")]))).toBe("incomplete");
  });

  describe("are incomplete where a cell that the first look measured is, in the second one of the candidate,", () => {
    const unsupported: Cell = {
      backend: "b",
      method: "slow",
      dtype: "float32",
      workload: "w",
      status: "unsupported",
      reason: "b is unavailable",
    };
    const { timing: _, ...untimed } = slow;
    it.each([
      ["crashed", [slow], [crashed("slow")], /^candidate crashed in the second look: the worker was killed$/],
      ["not in the results", [slow], [], /^candidate not in the results of the second look$/],
      ["without a time", [slow], [untimed], /^candidate without times in the second look$/],
      [
        "no longer supported, by either",
        [unsupported],
        [unsupported],
        /^candidate unsupported in the second/,
      ],
      ["no longer supported by the baseline", [unsupported], [slow], /^baseline unsupported in the second/],
    ])("%s", (_, before, after, reason) => {
      // All blocks but one are as they should be.
      const good = blocks("decide", 11, [slow], [slow]);
      const bad = blocks("decide", 1, before, after).map((pass) => ({ ...pass, asked: [key("slow")] }));
      const comparison = judge([...first, ...good, ...bad], [key("steady"), key("slow")]);
      expect(comparison.notCompared).toMatchObject([{ method: "slow", kind: "broken" }]);
      expect(comparison.notCompared[0]?.reason).toMatch(reason);
      expect(toOutcome(comparison)).toBe("incomplete");
    });
  });

  it("are incomplete where the oracle was not asked about a gradient", () => {
    const passes = blocks("route", 2, [steady], [steady]);
    const errors: ProcessRun = {
      stage: "errors",
      block: 0,
      role: "candidate",
      asked: [key("steady")],
      results: results([steady]),
    };
    const { notCompared } = judge([...passes, errors], [key("steady")]);
    expect(notCompared).toMatchObject([
      { kind: "broken", reason: "candidate without errors in the comparison with the oracle" },
    ]);
  });

  it("warn of a side that changed while it was measured", () => {
    const [one, ...others] = blocks("route", 2, [steady], [steady]) as [ProcessRun, ...ProcessRun[]];
    const run = { ...one.results.run, commit: "abc-dirty" };
    const passes = [...others, { ...one, results: { ...one.results, run } }];
    expect(judge(passes, [key("steady")]).warnings).toEqual([
      "main changed while it was measured: commit unknown, then abc-dirty.",
    ]);
  });

  it("tell gradients that are others from gradients that vary", () => {
    const other = blocks("route", 2, [steady], [measured("steady", 1e6, "b")]);
    expect(differing(other)).toEqual([key("steady")]);
    expect(nondeterministic(other)).toEqual([]);
    const varying = blocks(
      "route",
      2,
      [steady],
      [measured("steady", 1e6, "a"), measured("steady", 1e6, "b")],
    );
    expect(nondeterministic(varying)).toEqual([key("steady")]);
  });

  it("publish medians, not the lower deciles that they are judged by", () => {
    const samples = [...new Array(9).fill(2e6), 1e6, 1e6];
    const timing = { medianNs: 2e6, madNs: 0, coverage: 0, scope: "process" as const, samples };
    const passes = first.map((pass) => ({
      ...pass,
      results: {
        ...pass.results,
        cells: pass.results.cells.map((cell) => ({ ...cell, timing: { gradient: timing } })),
      },
    }));
    const [cell] = mergedSide(passes, "candidate").cells;
    expect(cell?.timing?.gradient).toMatchObject({
      medianNs: 2e6,
      processMedians: [2e6, 2e6, 2e6, 2e6],
      n: 4,
    });
    expect(cell?.timing?.gradient).not.toHaveProperty("ci95Ns");
    expect(judge(passes, [key("steady")]).cells[0]?.time?.baselineNs).toBe(1e6);
  });

  it.each<[Steadiness | undefined, readonly (Steadiness | undefined)[]]>([
    ["settled", ["settled", "settled", "settled", "settled"]],
    ["unsettled", ["settled", "unsettled", "settled", "untested"]],
    ["untested", ["settled", "untested", "settled", "settled"]],
    [undefined, [undefined, undefined, undefined, undefined]],
  ])("publish times as %s where processes were %j", (expected, states) => {
    const passes = first
      .filter(({ role }) => role === "candidate")
      .map((pass, process) => {
        const steadiness = states[process];
        const cells = pass.results.cells.map((cell) => {
          const gradient = cell.timing?.gradient as Timing;
          return { ...cell, timing: { gradient: steadiness ? { ...gradient, steadiness } : gradient } };
        });
        return { ...pass, results: { ...pass.results, cells } };
      });
    expect(passes).toHaveLength(4);
    expect(mergedSide(passes, "candidate").cells[0]?.timing?.gradient?.steadiness).toBe(expected);
  });

  it("say which cells of the baseline an earlier gate knew, with the backends of all passes", () => {
    const digestOf = (role: "baseline" | "candidate", cells: Cell[], backend: string): ProcessRun => ({
      stage: "digests",
      block: 0,
      role,
      asked: cells.map(cellKey),
      results: { ...results(cells), backends: [{ id: backend, status: "available" }] },
    });
    const passes = [
      digestOf("candidate", [steady, slow], "b"),
      digestOf("baseline", [steady], "b"),
      { ...digestOf("baseline", [slow], "c"), isKnown: true },
    ];
    const { cells, notes } = judge(passes, [key("steady"), key("slow")]);
    expect(cells.map(({ verdict }) => verdict)).toEqual(["pass", "pass"]);
    expect(notes[0]).toContain("In 1 cell it is what an earlier gate found of the baseline");
    expect(mergedSide(passes, "baseline").backends.map(({ id }) => id)).toEqual(["b", "c"]);
    expect(mergedSide(passes, "baseline").cells).toHaveLength(2);
  });

  it("keep the hosts of a backend apart, each with its own causes", () => {
    const on = (host: string | undefined, digest: string): Cell => ({
      ...measured("steady", 1e6, digest),
      ...(host ? { host } : {}),
    });
    const withHosts = (cells: Cell[], version: string): Results => ({
      ...results(cells),
      hosts: [{ id: "chromium", status: "available" }],
      backends: [
        { id: "b", status: "available", engine: { name: "runtime", version: "1.0" } },
        { id: "b", host: "chromium", status: "available", engine: { name: "runtime", version } },
      ],
    });
    const before = withHosts([on(undefined, "a"), on("chromium", "a")], "1.0");
    const after = withHosts([on(undefined, "b"), on("chromium", "b")], "1.1");
    const passes = blocks("route", 2, before.cells, after.cells).map((pass) => ({
      ...pass,
      results: pass.role === "candidate" ? after : before,
    }));
    const { cells } = judge(passes, before.cells.map(cellKey));
    expect(cells.map((cell) => [cellKey(cell), cell.causes])).toEqual([
      ["b steady float32 w", []],
      ["b@chromium steady float32 w", ["runtime 1.0 → 1.1"]],
    ]);
  });

  it("become one results file per side, whose observations are the medians of processes", () => {
    const { cells } = mergedSide(first, "candidate");
    expect(cells.map(({ timing }) => timing?.gradient?.processMedians)).toEqual([
      [1e6, 1e6, 1e6, 1e6],
      [1.15e6, 1.15e6, 1.15e6, 1.15e6],
    ]);
  });
});
