import type { Curve, Precision } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";
import { linesWith, markdownOf, resultsOf, terminalOf } from "./support/results.js";

type Point = Curve["points"][number];

/** Errors by value on the axis: 99th percentiles in ULP. */
const points = (errors: Readonly<Record<number, number>>, over: Partial<Point> = {}): Point[] =>
  Object.entries(errors)
    .map(([x, p99Ulp]) => ({
      x: Number(x),
      lossRelError: 1e-8,
      relL2: 1e-8,
      maxAbs: 1e-9,
      sumAbs: 1e-8,
      maxUlp: 2 * p99Ulp,
      p99Ulp,
      nonFinite: Number.isFinite(p99Ulp) ? 0 : 3,
      rowSumResidual: 0,
      ...over,
    }))
    .sort((a, b) => a.x - b.x);

const curve = (
  method: string,
  errors: Readonly<Record<number, number>>,
  over: Partial<Curve> = {},
): Curve => ({
  backend: "node",
  method,
  dtype: "float32",
  sweep: "offset",
  status: "ok",
  points: points(errors),
  ...over,
});

const precisionWith = (curves: Curve[]): Precision => ({
  ulpLimit: 4,
  sweeps: [
    { id: "offset", summary: "a common offset", axis: "offset" },
    { id: "margin", summary: "ever surer", axis: "margin" },
    { id: "accumulation", summary: "a long tail", axis: "classes" },
  ],
  curves,
});
const reportOf = (...curves: Curve[]) => resultsOf({ precision: precisionWith(curves) });

describe("Which formulation?", () => {
  it("is there only where curves were drawn", () => {
    expect(terminalOf(resultsOf({}))).not.toContain("Which formulation?");
    expect(markdownOf(reportOf(curve("steady", { 0: 1 })))).toContain("## Which formulation?");
  });

  it("takes an undefined error for one that exceeds every limit", () => {
    const output = terminalOf(reportOf(curve("lost", { 0: 1, 10: Number.NaN })));
    expect(output).not.toContain("lost stays within 4 ULP");
    expect(output).toContain("lost leaves 4 ULP at offset 10 (not finite).");
    expect(output).toContain("At its worst, lost is least off: not finite");
  });

  it("says which methods stay within the limit, and where the others leave it", () => {
    const output = terminalOf(
      reportOf(
        curve("steady", { [-100]: 3, 0: 1, 100: 4 }),
        curve("naive", { [-100]: 9, 0: 1, 10: 2, 100: Number.POSITIVE_INFINITY }),
      ),
    );
    expect(output).toContain("steady stays within 4 ULP all along.");
    expect(output).toContain("naive leaves 4 ULP at offset -100 (up to 9 ULP there, not finite at worst).");
    expect(output).toContain("naive turns non-finite at offset 100.");
    expect(output).not.toContain("No method stays");
  });

  it("says which is least off where none stays within", () => {
    const output = terminalOf(reportOf(curve("a", { 0: 5, 1: 60 }), curve("b", { 0: 1, 1: 1e9 })));
    expect(output).toContain("No method stays within 4 ULP all along. At its worst, a is least off: 60 ULP");
    expect(output).toContain("a leaves 4 ULP at offset 0 (up to 5 ULP there, 60 at worst).");
    expect(output).toContain("b leaves 4 ULP at offset 1 (up to 1.0e9 ULP).");
  });

  it("says so where no method is finite on several backends", () => {
    const nowhere = (backend: string) => curve("a", { 0: 5, 1: Number.POSITIVE_INFINITY }, { backend });
    expect(terminalOf(reportOf(nowhere("x"), nowhere("y")))).toContain(
      "At its worst, a is least off: not finite",
    );
  });

  it("says what is commonest among backends, and on how many", () => {
    const on = (backend: string, errors: Readonly<Record<number, number>>) => curve("m", errors, { backend });
    const [early, late, late2] = [on("x", { 0: 5, 1: 5 }), on("y", { 0: 1, 1: 7 }), on("z", { 0: 1, 1: 8 })];
    expect(terminalOf(reportOf(early, late, late2))).toContain(
      "leaves 4 ULP at offset 1 on 2 of 3 backends (up to 8 ULP)",
    );
    expect(terminalOf(reportOf(late, late2))).toContain(
      "leaves 4 ULP at offset 1 on all 2 backends (up to 8 ULP)",
    );
  });

  it("sums up each dtype over all sweeps and backends", () => {
    const output = terminalOf(
      reportOf(
        curve("a", { 0: 1 }),
        curve("a", { 0: 1 }, { sweep: "margin" }),
        curve("b", { 0: 1 }),
        curve("b", { 0: Number.POSITIVE_INFINITY }, { sweep: "margin" }),
        curve("b", { 0: 1 }, { dtype: "float64" }),
      ),
    );
    expect(output).toContain(
      "a can be trusted furthest: within 4 ULP all along in 100 % of the sweeps on the backends that ran them; least, b, in 50 %.",
    );
    expect(output).toContain("a keeps loss and gradient finite in every sweep on every backend.");
    expect(output).toContain("float64, over all sweeps");
  });

  it("names the backends that accumulate in half precision, and by how much they exceed what storage costs", () => {
    const on = (
      backend: string,
      method: string,
      errors: Readonly<Record<number, number>>,
      dtype = "float16",
    ) => curve(method, errors, { backend, dtype: dtype as "float16", sweep: "accumulation" });
    const output = terminalOf(
      reportOf(
        on("x", "a", { 64: 1, 1000: 900 }),
        on("x", "b", { 64: 1, 1000: 16 }),
        on("y", "a", { 64: 1, 1000: 17 }),
        on("y", "b", { 64: 1, 1000: Number.POSITIVE_INFINITY }),
        on("y", "a", { 64: 1, 1000: 16 }, "bfloat16"),
        on("y", "a", { 64: 1, 1000: 900 }, "float32"),
      ),
    );
    expect(output).toContain(
      "Accumulation in float16, beyond the 16 ULP that storage in float16 may cost: x (a, up to 900 ULP) and y (a, up to 17 ULP).",
    );
    expect(output).toContain(
      "No backend accumulates in bfloat16: where all entries are finite, they are within the 16 ULP that storage in bfloat16 may cost.",
    );
    expect(output).not.toMatch(/ccumulat\w+ in float32/);
  });

  it("counts a loss that is not finite, with a gradient that is", () => {
    const masked = {
      ...curve("m", { 1: 1 }),
      points: points({ 1: 1 }, { lossRelError: Number.POSITIVE_INFINITY }),
    };
    expect(terminalOf(reportOf(masked))).toContain("m turns non-finite at offset 1.");
  });

  it("has a row per curve in Markdown, with the backend's own values", () => {
    const output = markdownOf(reportOf(curve("m", { 0: 1, 1000: 9 }, { backend: "x" })));
    expect(linesWith(output, "| x").at(-1)).toMatch(
      /offset +\| x +\| m +\| offset +\| +1,000 \| +9 \| +\| +18 \|/,
    );
  });

  it("names curves that were not drawn, with the reason", () => {
    const failed = curve("m", {}, { status: "crashed", reason: "the worker was killed", points: [] });
    expect(terminalOf(reportOf(failed))).toContain("node float32, m: crashed, the worker was killed");
  });

  it("shows the command that drew them", () => {
    const results = reportOf(curve("m", { 0: 1 }));
    const output = terminalOf({
      ...results,
      run: { ...results.run, command: "precision", argv: ["--sweep", "offset"] },
    });
    expect(output).toContain("precision --sweep offset");
  });
});
