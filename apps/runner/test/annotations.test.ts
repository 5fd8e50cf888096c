import type { CellComparison, Comparison, NotCompared, Verdict } from "@softmax-bench/regression";
import { describe, expect, it } from "vitest";
import { annotateComparison, annotateCulprit, annotateFailure } from "../dist/gate/annotations.js";

const id = (method: string) => ({ backend: "b", method, dtype: "float32", workload: "4x3" }) as const;
const cell = (method: string, verdict: Verdict): CellComparison => ({
  ...id(method),
  verdict,
  time: {
    verdict: verdict as "pass",
    baselineNs: 1,
    candidateNs: 2,
    slowdown: 1,
    interval: [1, 1],
    blocks: 12,
    reason: "100 % slower\n::error::injected",
  },
  causes: [],
});
const broken: NotCompared = { ...id("mine/broken"), kind: "broken", reason: "it crashed" };
const of = (
  cells: readonly CellComparison[],
  notCompared: readonly NotCompared[] = [],
  over: Partial<Comparison> = {},
) => annotateComparison({ cells, notCompared, notes: [], judges: true, ...over } as unknown as Comparison);

describe("annotations of a gate on GitHub", () => {
  it("are errors for what fails, warnings for what is not decided, each on one line", () => {
    const cells = [
      cell("mine/slow", "regression"),
      cell("mine/noisy", "inconclusive"),
      cell("mine/ok", "pass"),
    ];
    expect(of(cells, [broken, { ...broken, kind: "one-sided" }])).toEqual([
      "::error title=softmax-bench gate%3A regression::b mine/slow float32 4x3: time: 100 %25 slower ::error::injected",
      "::error title=softmax-bench gate%3A did not run::b mine/broken float32 4x3: it crashed",
      "::warning title=softmax-bench gate%3A inconclusive::b mine/noisy float32 4x3: time: 100 %25 slower ::error::injected",
    ]);
  });

  it("are ten of a kind at most, as many as GitHub shows", () => {
    const many = Array.from({ length: 30 }, (_, index) =>
      cell(`mine/${index}`, index < 15 ? "regression" : "inconclusive"),
    );
    expect(of(many).map((line) => line.split(" ")[0])).toEqual([
      ...Array(10).fill("::error"),
      ...Array(10).fill("::warning"),
    ]);
  });

  const INCOMPARABLE = "::error title=softmax-bench gate%3A nothing comparable::";

  it("are one error that says why, where nothing is comparable", () => {
    const absent = (kind: NotCompared["kind"], method: string, reason: string) => ({
      ...id(method),
      kind,
      reason,
    });
    const notCompared = [
      absent("nowhere", "mine/a", "no such device"),
      absent("nowhere", "mine/b", "no such device"),
      absent("one-sided", "mine/c", "only the candidate has it"),
    ];
    expect(of([], notCompared, { notes: ["Both were measured here."] })).toEqual([
      `${INCOMPARABLE}Not compared: no such device; only the candidate has it. Both were measured here.`,
    ]);
  });

  it("say that a file of another machine allows no times, beside errors that are not decided", () => {
    const { time: _, ...untimed } = cell("mine/exact", "pass");
    const notes = ["Times are not compared, since the machines differ: processor A → B."];
    expect(of([untimed], [], { notes })).toEqual([`${INCOMPARABLE}${notes[0]}`]);
    expect(of([{ ...untimed, verdict: "inconclusive" }], [], { notes })).toEqual([
      `${INCOMPARABLE}${notes[0]}`,
      expect.stringMatching(/^::warning /),
    ]);
  });

  it("name the commit of a bisection, and its cell", () => {
    expect(annotateCulprit("b mine/a float32 4x3", "abc is the first that is worse: ::error::x")).toBe(
      "::error title=softmax-bench gate%3A regression::b mine/a float32 4x3: abc is the first that is worse: ::error::x",
    );
  });

  it("say why there is no verdict", () => {
    expect(annotateFailure(new Error("main does not\nbuild"))).toBe(
      "::error title=softmax-bench gate%3A no verdict::main does not build",
    );
  });
});
