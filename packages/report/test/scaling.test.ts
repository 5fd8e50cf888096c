import type { Results, Series } from "@softmax-bench/core";
import { formatResults, parseResults } from "@softmax-bench/core/results";
import { describe, expect, it } from "vitest";
import { heldMemory, reportView } from "../src/index.js";
import { markdownOf, resultsOf, terminalOf } from "./support/results.js";

const MB = 1e6;

interface Held {
  readonly held?: readonly number[];
  readonly after?: number;
  readonly repeated?: number;
}

/** Megabytes beyond the 100 of the process, for 1, 2 and 4 million elements. */
const memory = ({ held = [8, 16, 32], after = 0, repeated = after }: Held = {}): Series["memory"] => ({
  beforeBytes: 100 * MB,
  points: held.map((megabytes, index) => ({
    elements: 2 ** index * 1e6,
    heldBytes: (100 + megabytes) * MB,
    afterBytes: (100 + after) * MB,
  })),
  repeatedBytes: (100 + repeated) * MB,
});

const series = (over: Partial<Series> = {}): Series => ({
  backend: "node",
  method: "manual/fused",
  dtype: "float32",
  threads: 1,
  status: "ok",
  points: [
    { rows: 1, classes: 10, medianNs: 2000, samples: 9 },
    { rows: 4096, classes: 16_384, samples: 0, reason: "left out: a call would take 3 s" },
  ],
  fit: { overheadNs: 1900, rowNs: 12, bytesPerSecond: 1.2e10, relativeError: 0.05 },
  memory: memory(),
  ...over,
});

const withScaling = (
  all: Series[],
  threading: NonNullable<Results["scaling"]>["threading"] = [],
): Results => ({ ...resultsOf({ cells: [] }), scaling: { series: all, threading } });

describe("scaling in a report", () => {
  it("is a table of what a call, a row and a byte cost", () => {
    const text = markdownOf(withScaling([series()]));
    expect(text).toContain("## Scaling");
    expect(text).toMatch(
      /\| float32 \| node +\| manual\/fused \| +1 \| +1\.90 µs \| 12\.0 ns \| 12\.0 GB\/s \|/,
    );
    expect(text).toContain(
      "node manual/fused float32, 1 thread, 4096x16384: left out: a call would take 3 s",
    );
    expect(text).toContain("### Times");
    expect(terminalOf(withScaling([series()]))).not.toContain("Times");
  });

  it("says from where threads pay, and where they never do", () => {
    const pays = { backend: "node", method: "manual/fused", dtype: "float32", threads: 2 } as const;
    const text = terminalOf(
      withScaling(
        [series()],
        [
          { ...pays, fromElements: 65_536, best: 1.91 },
          { ...pays, threads: 4, fromElements: null, best: 1.05 },
        ],
      ),
    );
    expect(text).toContain("2 threads pay from 65,536 elements on, for every shape here (at most 1.91×)");
    expect(text).toContain("4 threads do not pay for all of the largest shapes here (at most 1.05×, a tie)");
  });

  it("says why a series has no times", () => {
    const absent = series({
      status: "unsupported",
      reason: "it computes with 1 thread here",
      points: [],
      threads: 2,
    });
    const { fit: _, memory: __, ...rest } = absent;
    expect(terminalOf(withScaling([rest]))).toContain("it computes with 1 thread here");
  });

  it("says why a series has no memory", () => {
    const { memory: _, ...rest } = series({ memoryReason: "left out: a call might take more than 2 s" });
    expect(terminalOf(withScaling([rest]))).toContain("no memory: left out: a call might take more than 2 s");
  });

  it("shows the times themselves where there are too few for a fit", () => {
    const { fit: _, ...rest } = series();
    const text = terminalOf(withScaling([rest]));
    expect(text).toContain("node manual/fused float32, 1 thread: too few shapes for a fit");
    expect(text).toContain("2.00 µs");
  });

  it("marks times that had not settled, and says what times of single processes are worth", () => {
    const { fit: _, ...rest } = series({
      points: [
        { rows: 1, classes: 10, medianNs: 2000, samples: 9, steadiness: "unsettled" },
        { rows: 2, classes: 10, medianNs: 3000, samples: 9, steadiness: "settled" },
        { rows: 4, classes: 10, medianNs: 5e8, samples: 3, steadiness: "untested" },
      ],
    });
    const text = markdownOf(withScaling([rest]));
    for (const time of ["2.00 µs, unsettled", "3.00 µs", "500 ms, untested"])
      expect(text).toMatch(new RegExp(`\\| +${time} \\|`));
    expect(text).toContain(
      "Each time is of a single process: those of identical code may be 15 % apart, and threads pay where they gain more.",
    );
    expect(text).toContain("Untested ones count: their calls take so long that there are too few to tell");
    const results = withScaling([rest]);
    expect(parseResults(formatResults(results)).scaling).toEqual(results.scaling);
  });

  it("is what a results file keeps", () => {
    const results = withScaling([series()]);
    expect(parseResults(formatResults(results)).scaling).toEqual(results.scaling);
    expect(reportView(resultsOf({ cells: [] })).scaling).toBeUndefined();
  });
});

describe("memory", () => {
  const wordsOf = (held: Held) => heldMemory(series({ memory: memory(held) }))?.words;

  it("grows with the elements, by the slope from the smallest to the largest", () => {
    expect(heldMemory(series())).toMatchObject({ bytesPerElement: 8, deviation: 0, kept: 0, growth: 0 });
    expect(heldMemory(series({ memory: memory({ held: [8, 20, 32] }) }))?.deviation).toBeCloseTo(4 / 32, 6);
  });

  it.each([
    [{}, "returned"],
    [{ after: 4 }, "returned"],
    [{ after: 30 }, "kept, used again"],
    [{ after: 30, repeated: 62 }, "grows with each use"],
    [{ repeated: 12 }, "grows with each use"],
  ])("%j is %s", (held, words) => {
    expect(wordsOf(held)).toBe(words);
  });

  it("is not concluded from one size", () => {
    expect(heldMemory(series({ memory: memory({ held: [8] }) }))).toBeUndefined();
  });
});
