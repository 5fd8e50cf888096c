import { toHistoryRun } from "@softmax-bench/regression";
import { describe, expect, it } from "vitest";
import { historyJson, historyLines, historyPage, trackRuns } from "../src/index.js";
import { measured, resultsOf } from "./support/results.js";

const day = (index: number) => new Date(Date.UTC(2026, 0, 1) + index * 86_400_000).toISOString();

/** Runs of one cell, each of a commit. */
const runs = (times: readonly number[], over: Parameters<typeof resultsOf>[0] = {}) =>
  times.map((us, index) =>
    toHistoryRun(
      resultsOf({
        ...over,
        run: {
          id: `run-${index}`,
          startedAt: day(index),
          commit: `${index.toString(16).padStart(8, "0")}${"f".repeat(32)}`,
          ...over.run,
        },
        cells: [measured("manual/fused", { us })],
      }),
    ),
  );
const steady = Array.from({ length: 20 }, (_, index) => 100 + ((index * 7) % 5) / 2);
const slower = steady.map((us) => 1.3 * us);
const faster = steady.map((us) => us / 2);

describe("the lines of a history", () => {
  it("are changes for the worse, then those for the better, then one on the rest", () => {
    const history = trackRuns("main", [
      ...runs([...steady, ...slower]),
      ...runs([...steady, ...faster], { run: { profile: "default" } }),
      ...runs([100], { run: { profile: "precise" } }),
    ]);
    expect(historyLines(history)).toEqual([
      "1 change for the worse:",
      expect.stringMatching(
        /^ {2}\+\d\d\.\d % \[\+\d\d\.\d %, \+\d\d\.\d %\] time of node manual\/fused float32 square: 101 µs → 131 µs$/,
      ),
      "    00000013ff..00000014ff; 20 runs before, 20 after; smoke, Xeon, 2 cores, Node v20.19.0, 1 thread",
      "1 change for the better:",
      expect.stringMatching(/^ {2}−\d\d\.\d % \[.*\] time of .*: 101 µs → 50\.5 µs$/),
      "    00000013ff..00000014ff; 20 runs before, 20 after; default, Xeon, 2 cores, Node v20.19.0, 1 thread",
      "2 series flat, 2 too short: fewer than 12 runs",
    ]);
  });
});

describe("a reference that became slower where machines take turns", () => {
  const history = trackRuns(
    "main",
    steady.concat(steady).map((us, index) =>
      toHistoryRun(
        resultsOf({
          environment: { cpu: `cpu ${index % 4}` },
          run: {
            id: `run-${index}`,
            startedAt: day(index),
            commit: index.toString(16).padStart(10, "0").padEnd(40, "f"),
          },
          cells: ["manual/naive", "manual/shifted", "manual/fused"].map((method, place) =>
            measured(method as "manual/fused", {
              us:
                us *
                (place + 1) *
                (1 + (((index + place) * 3) % 5) / 200) *
                (index >= 20 && place === 2 ? 1.3 : 1),
            }),
          ),
        }),
      ),
    ),
    "node manual/fused",
  );

  it("is said in a line, on the terminal and the page", () => {
    const line =
      "2 of 2 ratios to node manual/fused float32 square improved together at 0000000013..0000000014 (smoke): the reference may have become slower";
    expect(historyLines(history).at(-2)).toBe(line);
    expect(historyPage(history)).toContain(`<p>${line}</p>`);
  });
});

describe("a history page", () => {
  const page = (times: readonly number[]) => historyPage(trackRuns("main", runs(times)));

  it("shows a change with its chart, marked between two commits", () => {
    const html = page([...steady, ...slower]);
    expect(html.match(/<line class="at regression"/g)).toHaveLength(1);
    expect(html).toMatch(/<b class="regression">\+\d+\.\d %<\/b> \[/);
    expect(html).toContain('title="2026-01-21">00000014</span>');
    expect(html.indexOf("for the worse")).toBeLessThan(html.indexOf("for the better"));
    // The gate alone judges.
    expect(html.replaceAll(/<style>.*?<\/style>|class="[^"]*"/gs, "")).not.toMatch(/regression/i);
    expect(page(steady)).not.toContain('class="at');
  });

  it("keeps machines apart, and shows what is hostile as text", () => {
    const other = runs([1], { environment: { cpu: "<script>" } });
    const html = historyPage(trackRuns("<b>", [...runs([1]), ...other]));
    expect(html.match(/<tr><td>time of node manual\/fused/g)).toHaveLength(2);
    expect(html).not.toMatch(/<script|<b>(?!time|error|ratio)/);
  });
});

it("the JSON of histories has every value, and the changes between runs", () => {
  const history = trackRuns("main", runs([...steady, ...slower]));
  const { branches } = JSON.parse(historyJson([history]));
  expect(branches).toHaveLength(1);
  expect(branches[0].runs[20]).toEqual({
    run: "run-20",
    startedAt: "2026-01-21T00:00:00.000Z",
    commit: `00000014${"f".repeat(32)}`,
  });
  const [time] = branches[0].series;
  expect(time).toMatchObject({ kind: "time", unit: "ns", state: "changed" });
  expect(time.points).toHaveLength(40);
  expect(time.points[20]).toEqual([20, 130_000]);
  expect(time.changes).toMatchObject([
    { verdict: "regression", at: 20, lastBefore: { run: "run-19" }, firstAfter: { run: "run-20" } },
  ]);
});
