import type { Results } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";
import { bencherMetrics, githubActionBenchmark, goBenchmarkText } from "../src/index.js";
import { measured, RESOLUTION, resultsOf } from "./support/results.js";

const NAME = "node manual/fused float32 square";

const latencyOf = (results: Results) => JSON.parse(bencherMetrics(results))[NAME].latency;

describe("the interval of an exported time", () => {
  it("is never one of the samples inside one process, which say nothing of the next process", () => {
    const cells = [
      measured("manual/fused", { us: 100, time: { scope: "process", processMedians: undefined } }),
    ];
    const { lower_value, upper_value } = latencyOf(resultsOf({ resolution: RESOLUTION, cells }));
    expect([lower_value, upper_value]).toEqual([expect.closeTo(100_000 / 1.02, 6), 102_000]);
    const [entry] = JSON.parse(githubActionBenchmark(resultsOf({ cells })));
    // The assumed 15 %, where the file has no resolution: (115 − 100 / 1.15) / 2.
    expect(entry.range).toBe("± 14022");
  });

  it("is that over processes, where it is wider than the resolution, or the file has none", () => {
    const wide = measured("manual/fused", { us: 100, time: { ci95Ns: [90_000, 120_000] } });
    expect(latencyOf(resultsOf({ resolution: RESOLUTION, cells: [wide] }))).toMatchObject({
      lower_value: 90_000,
      upper_value: 120_000,
    });
    expect(latencyOf(resultsOf({ cells: [measured("manual/fused", { us: 100 })] }))).toMatchObject({
      lower_value: 99_000,
      upper_value: 101_000,
    });
  });
});

describe("an exported cell", () => {
  it("has no time where that had not settled, only its error", () => {
    const cells = [
      measured("manual/fused", { time: { steadiness: "unsettled" } }),
      measured("manual/naive", { time: { steadiness: "untested" } }),
    ];
    const results = resultsOf({ cells });
    expect(JSON.parse(bencherMetrics(results))[NAME]).toEqual({ "grad-error": { value: 2 ** -24 } });
    expect(JSON.parse(githubActionBenchmark(results)).map(({ name }: { name: string }) => name)).toEqual([
      `${NAME}, error`,
      "node manual/naive float32 square",
      "node manual/naive float32 square, error",
    ]);
    const lines = goBenchmarkText(results).split("\n");
    const ofMethod = (method: string) => lines.filter((line) => line.includes(`/method=${method}/`));
    expect(ofMethod("manual.fused")).toEqual([expect.stringMatching(/ 1 3e-8 grad-rel-l2$/)]);
    expect(ofMethod("manual.naive")).toHaveLength(5);
  });
});

describe("an export of cells of several machines", () => {
  const environment = resultsOf({ cells: [] }).environment;
  const [a, b] = ["Xeon, 2 cores, Node v20", "EPYC, 4 cores, Node v20"];
  const results = resultsOf({
    machines: [a, b].map((id) => ({ id, environment })),
    cells: [a, b].map((machine, index) => measured("manual/fused", { us: 100 + index }, { machine })),
  });

  it("names each by its machine", () => {
    expect(Object.keys(JSON.parse(bencherMetrics(results)))).toEqual([`${NAME} on ${a}`, `${NAME} on ${b}`]);
    const entries = JSON.parse(githubActionBenchmark(results));
    expect(new Set(entries.map(({ name }: { name: string }) => name)).size).toBe(4);
    expect(entries[2]).toMatchObject({ name: `${NAME} on ${b}`, extra: b, value: 101_000 });
  });

  it("gives benchstat a name of its own for each, and for each host", () => {
    const onBun = measured("manual/fused", {}, { host: "bun" });
    const names = (of: Results) =>
      new Set(
        goBenchmarkText(of)
          .split("\n")
          .filter((line) => line.startsWith("Benchmark"))
          .map((line) => line.split(" ")[0]),
      );
    expect(names(results)).toEqual(
      new Set(
        ["Xeon,_2_cores,_Node_v20", "EPYC,_4_cores,_Node_v20"].map(
          (machine) =>
            `BenchmarkGradient/backend=node/method=manual.fused/workload=square/machine=${machine}/dtype=float32`,
        ),
      ),
    );
    expect(names(resultsOf({ cells: [measured("manual/fused"), onBun] })).size).toBe(2);
  });
});
