import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Results, Timing } from "@softmax-bench/core";
import { formatResults } from "@softmax-bench/core/results";
import { describe, expect, it } from "vitest";
import { call, temporaryFolder } from "./support/cli.js";

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/history/${name}`, import.meta.url));

/** Runs of one cell, slower by 30 % from the 31st on. @param edit changes the results of a run, by its index */
function runsWithRegression(
  edit: (results: Results, index: number) => Results = (results) => results,
  count = 40,
): string {
  const folder = temporaryFolder();
  for (let index = 0; index < count; index++) {
    const startedAt = new Date(Date.UTC(2026, 0, 1) + index * 86_400_000).toISOString();
    const id = `${startedAt.slice(0, 10).replaceAll("-", "")}-000000-default`;
    const medianNs = 1e5 * (1 + 0.004 * ((index * 7) % 5)) * (index < 30 ? 1 : 1.3);
    const results: Results = {
      schemaVersion: 1,
      run: {
        id,
        startedAt,
        finishedAt: startedAt,
        profile: "default",
        argv: [],
        commit: `${index + 10}`.repeat(20),
        branch: "main",
      },
      environment: { cpu: "c", cores: 2, os: "o", node: "v20", versions: {} },
      backends: [{ id: "b", status: "available" }],
      cells: [
        {
          backend: "b",
          method: "manual/naive",
          dtype: "float32",
          workload: "2x2",
          status: "ok",
          timing: { gradient: { medianNs, madNs: 0, coverage: 0.9, scope: "process", samples: [medianNs] } },
        },
      ],
      distances: [],
    };
    mkdirSync(join(folder, id));
    writeFileSync(join(folder, id, "results.json"), formatResults(edit(results, index)));
  }
  return folder;
}

describe("pnpm history", () => {
  it("reads 60 runs of 400 cells and finds their changes within 30 s of processor time", async () => {
    const folder = runsWithRegression((results) => {
      const [cell] = results.cells;
      if (!cell) throw new Error("expected a cell");
      const gradient = { ...(cell.timing?.gradient as Timing), samples: new Array<number>(100).fill(1e5) };
      const cells = Array.from({ length: 400 }, (_, index) => ({
        ...cell,
        workload: `${index + 1}x2`,
        timing: { gradient },
      }));
      return { ...results, cells };
    }, 60);
    const before = process.cpuUsage();
    const { code, stdout } = await call("history", ["--in", folder]);
    const { user, system } = process.cpuUsage(before);
    expect(code).toBe(0);
    expect(stdout).toContain("400 changes for the worse:");
    // Half a second per run, ten times what it takes: only a loss in kind fails.
    expect((user + system) / 1e6).toBeLessThan(30);
  });

  it("names the commits around a slowdown, and writes a page and history.json", async () => {
    const out = temporaryFolder();
    const { code, stdout, stderr } = await call("history", ["--in", runsWithRegression(), "--out", out]);
    expect(code, stderr).toBe(0);
    expect(stdout.trim().split("\n")).toEqual([
      `${join(out, "main.html")}: 40 runs`,
      "1 change for the worse:",
      expect.stringMatching(
        /^ {2}\+\d\d\.\d % \[\+.* %, \+.* %\] time of b manual\/naive float32 2x2: 101 µs → 131 µs$/,
      ),
      "    3939393939..4040404040; 30 runs before, 10 after; default, c, 2 cores, Node v20",
      "0 series flat",
    ]);
    expect(readdirSync(out).sort()).toEqual(["history.json", "main.html"]);
    const { branches } = JSON.parse(readFileSync(join(out, "history.json"), "utf8"));
    expect(branches[0].series[0].changes).toMatchObject([{ verdict: "regression", at: 30 }]);
  });

  it("leaves out times that mean little, and says how many", async () => {
    const state = { loadAverage: 1, windowNs: 1e9, otherCores: 1, steal: 0, spinNs: 1e6 };
    const folder = runsWithRegression((results, index) => {
      if (index === 3 || index === 4) return { ...results, noise: { before: state, during: [state] } };
      if (index !== 5) return results;
      const cells = results.cells.map((cell) => {
        const gradient = { ...(cell.timing?.gradient as Timing), steadiness: "unsettled" as const };
        return { ...cell, timing: { gradient } };
      });
      return { ...results, cells };
    });
    const { code, stdout } = await call("history", ["--in", folder, "--out", temporaryFolder()]);
    expect(code).toBe(0);
    expect(stdout.split("\n").slice(0, 3)).toEqual([
      expect.stringMatching(/main\.html: 40 runs$/),
      "left out: times of 2 runs on a busy machine, 1 time that had not settled",
      "1 change for the worse:",
    ]);
    expect(stdout).toContain("27 runs before, 10 after");
  });

  it("refuses a reference that no run has, and names those there are", async () => {
    const { code, stderr } = await call("history", [
      ...["--in", runsWithRegression(), "--reference", "tfjs manual/fused", "--out", temporaryFolder()],
    ]);
    expect(stderr).toMatch(
      /^history: --reference takes .*, got "tfjs manual\/fused"; there are b manual\/naive\n$/,
    );
    expect(code).toBe(2);
  });
});

/**
 * The fixtures are made by hand, in the formats of `DataJson` in src/write.ts of benchmark-action/github-action-benchmark,
 * whose data.js is `window.BENCHMARK_DATA = ` and JSON, and of `JsonPerf` in lib/bencher_json/src/project/perf.rs of
 * bencherdev/bencher, the answer to GET /v0/projects/{project}/perf and the output of `bencher perf`. The file has the old
 * format, with one `metric` per point; tests edit it to that of 0.6.12 (`JsonPerfLine` in services/api/openapi.json at
 * 006793cb) and to the one in between (`JsonPerfMetrics` with `parameter`).
 */
describe("pnpm history --import", () => {
  const imported = async (file: string) => {
    const out = temporaryFolder();
    return { ...(await call("history", ["--import", file, "--out", out])), out };
  };
  const written = (text: string): string => {
    const file = join(temporaryFolder(), "data.js");
    writeFileSync(file, text);
    return file;
  };
  const script = readFileSync(fixture("data.js.txt"), "utf8");

  it("reads data.js of github-action-benchmark, and its JSON", async () => {
    for (const text of [
      script,
      `${script};\n`,
      `\uFEFF${script}`,
      script.replace("window.BENCHMARK_DATA = ", ""),
    ]) {
      const { code, stdout, stderr, out } = await imported(written(text));
      expect(code, stderr).toBe(0);
      expect(stdout.trim().split("\n")).toEqual([
        `${join(out, "data.js.html")}: 2 series`,
        "1 change for the worse:",
        expect.stringMatching(
          /^ {2}\+(29|30)\.\d % \[.*\] BenchmarkFib10 - ns\/op: 327\.6 ns\/op → 42\d(\.\d)? ns\/op$/,
        ),
        "    2323232323..2424242424; 20 runs before, 10 after; Go Benchmark",
        "1 change for the better:",
        expect.stringMatching(/^ {2}\+(39|40)\.\d % \[.*\] throughput: 99\d(\.\d)? req\/s → 13\d\d req\/s$/),
        "    1e1e1e1e1e..1f1f1f1f1f; 15 runs before, 15 after; Rates",
        "0 series flat",
      ]);
    }
  });

  it("reads the JSON of bencher perf, with a page for each branch", async () => {
    const { code, stdout, stderr, out } = await imported(fixture("bencher-perf.json"));
    expect(code, stderr).toBe(0);
    expect(stdout.trim().split("\n")).toEqual([
      `${join(out, "main.html")}: 1 series`,
      "1 change for the better:",
      expect.stringMatching(
        /^ {2}−(29|30)\.\d % \[.*\] fib\/10: 100\.8 nanoseconds \(ns\) → 70\.\d+ nanoseconds \(ns\)$/,
      ),
      "    1d1d1d1d1d..1e1e1e1e1e; 14 runs before, 14 after; Latency, ubuntu-latest",
      "0 series flat",
      `${join(out, "dev.html")}: 1 series`,
      "1 change for the worse:",
      expect.stringMatching(/^ {2}−(29|30)\.\d % \[.*\] fib\/10: /),
      "    1d1d1d1d1d..1e1e1e1e1e; 14 runs before, 14 after; Throughput, ubuntu-latest",
      "0 series flat",
    ]);
  });

  describe("of Bencher's newest format", () => {
    type Point = { metric?: { value: number }; metrics?: Record<string, { value: number }> };
    type Line = { metrics: Point[]; [field: string]: unknown };
    const [line] = JSON.parse(readFileSync(fixture("bencher-perf.json"), "utf8")).results as [Line];
    /** The line with its points' metrics by name, and without `metric`. */
    const byName = (names: (value: number) => Record<string, number>): Line => ({
      ...line,
      metrics: line.metrics.map(({ metric, ...point }) => ({
        ...point,
        metrics: Object.fromEntries(
          Object.entries(names(metric?.value ?? 0)).map(([name, value]) => [name, { value }]),
        ),
      })),
    });
    const seriesOf = async (results: readonly Line[]) => {
      const { code, stderr, out } = await imported(written(JSON.stringify({ results })));
      expect(code, stderr).toBe(0);
      const { branches } = JSON.parse(readFileSync(join(out, "history.json"), "utf8"));
      return branches[0].series as { name: string; points: number[][]; changes: { at: number }[] }[];
    };

    it("reads metrics by name; value goes without its name and its interval", async () => {
      const [old] = await seriesOf([line]);
      const found = await seriesOf([
        byName((value) => ({ lower_value: value - 1, value, upper_value: value + 1 })),
        byName((value) => ({ p50: value, p99: 2 * value })),
      ]);
      expect(found.map(({ name }) => name)).toEqual(["fib/10", "fib/10 p50", "fib/10 p99"]);
      expect(found[0]).toEqual(old);
      expect(found.map(({ points }) => points.length)).toEqual([28, 28, 28]);
      expect(found.map(({ changes }) => changes.map(({ at }) => at))).toEqual([[14], [14], [14]]);
    });

    it("tells the parameter sets of a benchmark apart, whatever the order of their keys", async () => {
      const found = await seriesOf([
        { ...byName((value) => ({ value })), variant: { parameters: {} } },
        { ...byName((value) => ({ value })), variant: { parameters: { size_mb: 16, op: "read" } } },
        { ...line, parameter: { set: { op: "read", size_mb: 64 } } },
      ]);
      expect(found.map(({ name }) => name)).toEqual([
        "fib/10",
        'fib/10 {"op":"read","size_mb":16}',
        'fib/10 {"op":"read","size_mb":64}',
      ]);
    });

    it("refuses a point without metrics and metric", async () => {
      const { code, stderr } = await imported(
        written(
          JSON.stringify({
            results: [{ ...line, metrics: line.metrics.map(({ metric: _, ...point }) => point) }],
          }),
        ),
      );
      expect(stderr).toMatch(/results\[0\]\.metrics\[0\]\.metrics: expected metrics, or the metric of older/);
      expect(code).toBe(2);
    });
  });

  it("writes beside the file by default, and leaves the pages of our own runs alone", async () => {
    const folder = runsWithRegression();
    expect((await call("history", ["--in", folder])).code).toBe(0);
    const own = readFileSync(join(folder, "history", "main.html"), "utf8");
    const [perf, data] = [written(readFileSync(fixture("bencher-perf.json"), "utf8")), written(script)];
    for (const file of [perf, data]) {
      const { code, stderr, stdout } = await call("history", ["--in", folder, "--import", file]);
      expect(code, stderr).toBe(0);
      expect(stdout).toContain(join(`${file}.history`, file === perf ? "main.html" : "data.js.html"));
    }
    expect(readdirSync(`${perf}.history`).sort()).toEqual(["dev.html", "history.json", "main.html"]);
    expect(readdirSync(join(folder, "history")).sort()).toEqual(["history.json", "main.html"]);
    expect(readFileSync(join(folder, "history", "main.html"), "utf8")).toBe(own);
  });

  it.each([
    ["a script", "alert(1)", /is not JSON: .*; expected data\.js of github-action-benchmark/],
    ["code after the prefix", "window.BENCHMARK_DATA = (() => process.exit(7))()", /is not JSON/],
    ["an empty file", "", /is not JSON/],
    ["a list", "[]", /has neither entries nor results; expected/],
    ["null", "null", /has neither entries nor results/],
    [
      "a commit without text",
      '{"entries": {"a": [{"commit": {"id": 1}}]}}',
      /entries\.a\[0\]\.commit\.id: expected text/,
    ],
    [
      "a word as value",
      script.replace('"value": 325.0', '"value": "fast"'),
      /benches\[0\]\.value: expected /,
    ],
    ["no date", script.replace('"date": 1767225600000', '"date": 1e300'), /date: expected at most/],
    ["a branch without a name", '{"results": [{"branch": {}}]}', /results\[0\]\.branch\.name: expected text/],
    ["no list of results", '{"results": {}}', /results: expected a list/],
  ])("refuses %s with one line that names the field", async (_, text, message) => {
    const { code, stderr, stdout } = await imported(written(text));
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  it("refuses files that are no histories, and says where there is no value", async () => {
    const folder = temporaryFolder();
    execFileSync("mkfifo", [join(folder, "pipe")]);
    for (const file of [join(folder, "none"), folder, join(folder, "pipe")]) {
      const { code, stderr } = await imported(file);
      expect(stderr).toMatch(/^history: .*(cannot read|not a regular file).*\n$/);
      expect(code).toBe(2);
    }
    for (const text of ['{"entries": {}}', '{"results": []}']) {
      const { code, stderr } = await imported(written(text));
      expect(stderr).toMatch(/^history: there is no value in .*\n$|^there is no value in .*\n$/);
      expect(code).toBe(3);
    }
  });

  it("treats hostile names as text", async () => {
    const names = ["__proto__", "constructor", "<script>alert(1)</script>", "\u001b[2Jx", "../../x"];
    const bench = (name: string, index: number) => ({
      commit: { id: name },
      date: 1_767_225_600_000 + index,
      tool: name,
      benches: names.map((each) => ({ name: each, value: index, unit: name })),
    });
    const entries = names.map((name) => `${JSON.stringify(name)}: ${JSON.stringify(names.map(bench))}`);
    const { code, stdout, stderr, out } = await imported(written(`{"entries": {${entries.join(",")}}}`));
    expect(code, stderr).toBe(0);
    expect(stdout).not.toContain("\u001b");
    expect(readdirSync(out).sort()).toEqual(["data.js.html", "history.json"]);
    expect(readFileSync(join(out, "data.js.html"), "utf8")).not.toContain("<script>");
  });
});
