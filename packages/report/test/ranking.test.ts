import { describe, expect, it } from "vitest";
import { rangeCells, reportView } from "../src/index.js";
import {
  backend,
  linesWith,
  markdownOf,
  measured,
  RESOLUTION,
  resultsOf,
  terminalOf,
  withCells,
} from "./support/results.js";

const rankedOf = (...cells: ReturnType<typeof measured>[]) =>
  reportView(withCells(...cells)).workloads[0]?.ranked ?? [];

describe("ranking", () => {
  it("puts the fastest gradient first, whatever the order of the file", () => {
    const ranked = rankedOf(
      measured("slow", { us: 300 }),
      measured("fast", { us: 100 }),
      measured("middle", { us: 200 }),
    );
    expect(ranked.map(({ method }) => method)).toEqual(["fast", "middle", "slow"]);
  });

  it("gives each median as a multiple of the smallest", () => {
    const ranked = rankedOf(measured("slow", { us: 250 }), measured("fast", { us: 100 }));
    expect(ranked.map(({ ratio }) => ratio)).toEqual([1, 2.5]);
  });

  it("compares cells of one dtype only, float32 before float64", () => {
    const ranked = rankedOf(
      measured("double", { us: 10 }, { dtype: "float64" }),
      measured("single", { us: 100 }),
    );
    expect(ranked.map(({ method, ratio }) => [method, ratio])).toEqual([
      ["single", 1],
      ["double", 1],
    ]);
  });

  it("compares backends with each other", () => {
    const ranked = rankedOf(
      measured("stable", { us: 200 }, { backend: "node" }),
      measured("stable", { us: 100 }, { backend: "wasm" }),
    );
    expect(ranked.map(({ backend, ratio }) => [backend, ratio])).toEqual([
      ["wasm", 1],
      ["node", 2],
    ]);
  });

  it("ranks no GPU in software, and takes none as the measure of others", () => {
    const cells = [
      measured("manual/fused", { us: 10 }, { backend: "webgpu" }),
      measured("manual/fused", { us: 100 }, { backend: "wasm" }),
    ];
    const software = { kind: "software-gpu", name: "SwiftShader" } as const;
    const backends = [backend({ id: "webgpu", device: software }), backend({ id: "wasm" })];
    const { ranked = [] } = reportView(resultsOf({ backends, cells })).workloads[0] ?? {};
    expect(ranked.map((cell) => [cell.backend, cell.rank, cell.ratio])).toEqual([
      ["webgpu", undefined, 0.1],
      ["wasm", 1, 1],
    ]);
  });

  it("gives no finite multiple of a time that shows as zero", () => {
    const ranked = rankedOf(measured("a", { us: 0 }), measured("b", { us: 0 }), measured("c", { us: 5 }));
    expect(ranked.map(({ ratio }) => ratio)).toEqual([1, 1, Number.POSITIVE_INFINITY]);
  });
});

describe("cells whose times had not settled", () => {
  const unsettled = { us: 80, time: { steadiness: "unsettled" } } as const;

  it("have no rank, and are not what others are a multiple of", () => {
    const ranked = rankedOf(
      measured("early", unsettled),
      measured("fast", { us: 100 }),
      measured("near", { us: 101 }),
      measured("late", { us: 101, time: { steadiness: "untested" } }),
    );
    expect(ranked.map(({ method, rank, ratio, tied }) => [method, rank, ratio, tied])).toEqual([
      ["early", undefined, 0.8, false],
      ["fast", 1, 1, false],
      ["late", undefined, 1.01, false],
      ["near", 1, 1.01, true],
    ]);
  });

  it("are compared with each other where none had settled", () => {
    const ranked = rankedOf(measured("a", unsettled), measured("b", { ...unsettled, us: 81 }));
    expect(ranked.map(({ rank, tied }) => [rank, tied])).toEqual([
      [1, false],
      [1, true],
    ]);
  });
});

describe("pairs of identical code", () => {
  const pair = { backend: "node", method: "manual/fused", dtype: "float32", workload: "square" } as const;
  const described = (...pairs: (readonly [number, number, number?])[]) =>
    terminalOf(
      resultsOf({
        cells: [measured("a")],
        resolution: {
          ...RESOLUTION,
          identicalPairs: pairs.map(([a, b, ratioOfOthers]) => ({
            ...pair,
            medianNs: [a, b],
            ratioOfOthers,
          })),
        },
      }),
    ).replaceAll(/\s+/g, " ");

  it("test the resolution without them: one that is made from a pair covers it always", () => {
    expect(described([100, 110, 0.05], [100, 101, 0.05])).toContain(
      "pairs of identical code, each tested by the other replicates: 1 of 2 tied",
    );
  });

  it("are not counted where a file does not say what the others show", () => {
    expect(described([100, 110])).not.toContain("of identical code");
  });
});

describe("ties", () => {
  const cells = [measured("fast", { us: 100 }), measured("near", { us: 101 }), measured("far", { us: 150 })];

  it("are times closer than the resolution of the run", () => {
    expect(rankedOf(...cells).map(({ method, tied }) => [method, tied])).toEqual([
      ["fast", false],
      ["near", true],
      ["far", false],
    ]);
  });

  it("depend on the number of processes that each median is over, where the run says so", () => {
    const [group] = RESOLUTION.groups;
    if (!group) throw new Error("no group");
    const byProcesses = [
      { processes: 1, ratio: 0.3 },
      { processes: 5, ratio: 0.02 },
    ];
    const resolution = { groups: [{ ...group, ratio: 0.3, byProcesses }], identicalPairs: [] };
    const over = (n: number) => ({ n, scope: n > 1 ? ("processes" as const) : ("process" as const) });
    const ranked = (n: number) =>
      reportView(
        resultsOf({
          cells: [
            measured("fast", { us: 100, time: over(n) }),
            measured("slower", { us: 110, time: over(n) }),
          ],
          resolution,
        }),
      ).workloads[0]?.ranked.map(({ rank, resolution }) => [rank, resolution]);
    expect(ranked(5)).toEqual([
      [1, 0.02],
      [2, 0.02],
    ]);
    expect(ranked(1)).toEqual([
      [1, 0.3],
      [1, 0.3],
    ]);
    expect(ranked(3)).toEqual(ranked(1));
  });

  it("are none further apart, however wide intervals inside a process are", () => {
    const [, second] = rankedOf(
      measured("fast", { time: { ci95Ns: [90_000, 110_000] } }),
      measured("overlapping", { us: 105, time: { ci95Ns: [95_000, 130_000] } }),
    );
    expect(second?.tied).toBe(false);
  });

  it("are times closer than that, however narrow their intervals are", () => {
    const [, second] = rankedOf(
      measured("fast", { time: { ci95Ns: [100_000, 100_000] } }),
      measured("disjoint", { us: 101.9, time: { ci95Ns: [101_900, 101_900] } }),
    );
    expect(second?.tied).toBe(true);
  });

  it("compares with the fastest of a group, not with the neighbour", () => {
    const ranked = rankedOf(
      measured("third", { us: 103 }),
      measured("first", { us: 100 }),
      measured("second", { us: 101.5 }),
    );
    expect(ranked.map(({ method, rank, tied }) => [method, rank, tied])).toEqual([
      ["first", 1, false],
      ["second", 1, true],
      ["third", 3, false],
    ]);
  });

  it("are as coarse as is assumed, in a file that did not measure its resolution", () => {
    const results = {
      ...withCells(measured("a", { us: 100 }), measured("b", { us: 114 })),
      resolution: undefined,
    };
    expect(reportView(results).workloads[0]?.ranked.map(({ rank }) => rank)).toEqual([1, 1]);
    expect(terminalOf(results)).toContain("resolution: not measured by this file; 15 % is assumed");
  });

  it("shows ties with a sign, so that nothing depends on colour", () => {
    expect(linesWith(terminalOf(withCells(...cells)), "float32 node near")[0]).toContain("= 1.01×");
    expect(linesWith(terminalOf(withCells(...cells)), "float32 node far")[0]).not.toContain("=");
    expect(linesWith(markdownOf(withCells(...cells)), "| near |")[0]).toContain("| = 1.01× |");
  });
});

describe("the gradient table", () => {
  it("shows time, resolution, observations, ratio and errors of a cell", () => {
    const cell = measured("stable", { us: 4700, error: { maxUlp: 12_345, p99Ulp: 3, relL2: 6.1e-8 } });
    expect(linesWith(terminalOf(withCells(cell)), "float32 node stable")).toEqual([
      "float32 node stable 4.70 ms 2.0 % 5 processes 1.00× 12,345 3 6.1e-8",
    ]);
  });

  it("shows errors that are not finite", () => {
    const cell = measured("naive", {
      error: { relL2: Number.NaN, maxUlp: Number.POSITIVE_INFINITY, nonFinite: 7 },
    });
    expect(linesWith(terminalOf(withCells(cell)), "float32 node naive")[0]).toMatch(/∞ 1 NaN 7$/);
  });

  it("says which times had not settled, and which nobody can tell of", () => {
    const results = withCells(
      measured("a", { time: { steadiness: "unsettled" } }),
      measured("b", { us: 200, time: { steadiness: "untested" } }),
      measured("c", { us: 300, time: { steadiness: "settled" } }),
    );
    const rows = ["a", "b", "c"].map((name) => linesWith(terminalOf(results), `float32 node ${name} `)[0]);
    expect(rows.map((row) => /5 processes ([a-z]*) ?[\d.]+×/.exec(row ?? "")?.[1])).toEqual([
      "no",
      "untested",
      "",
    ]);
  });

  it("has a column of non-finite entries in the terminal only where there are some", () => {
    expect(terminalOf(withCells(measured("stable")))).not.toContain("non-finite");
  });

  it("has shares of entries at the ends of a dtype's range, and columns only of those that there are", () => {
    const range = {
      overflows: 0,
      underflows: 12,
      avoidableUnderflows: 0,
      subnormals: 9_999,
      entries: 10_000,
    };
    const output = terminalOf(withCells(measured("half", { error: { range } }, { dtype: "float16" })));
    expect(linesWith(output, "float16 node half")[0]).toMatch(/ 0\.1 % > 99 %$/);
    expect(output).toMatch(/underflow +subnormal\n/);
    expect(terminalOf(withCells(measured("whole")))).not.toContain("underflow");
  });

  it("shows a share as nothing only where there is none, and as all only where it is all", () => {
    const cells = (underflows: number) =>
      rangeCells({
        ...measured("half").accuracy?.gradient,
        range: { overflows: 3, underflows, avoidableUnderflows: 0, subnormals: 0, entries: 10_000 },
      } as Parameters<typeof rangeCells>[0]);
    expect(cells(1)).toEqual(["< 0.1 %", "", "", "3"]);
    expect(cells(10_000)).toEqual(["100 %", "", "", "3"]);
    expect(cells(0)).toEqual(["", "", "", "3"]);
  });
});
