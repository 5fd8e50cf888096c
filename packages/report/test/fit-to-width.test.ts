import { describe, expect, it } from "vitest";
import { breakLines, fitToWidth } from "../src/fit-to-width.js";
import { renderSummary, renderTerminal, reportView } from "../src/index.js";
import { absent, backend, measured, RESOLUTION, resultsOf } from "./support/results.js";

const widest = (text: string): number => Math.max(...text.split("\n").map((line) => line.length));

describe("a table in a terminal", () => {
  const table = {
    kind: "table",
    header: ["name", "a long title", "words", "empty"],
    rows: [
      ["one", "1", "several words in a row", ""],
      ["two", "22", "more", ""],
    ],
    numeric: [1],
    optional: [1],
  } as const;

  it("has all its columns, unbroken, where there is room, or no terminal", () => {
    const whole = { columns: [0, 1, 2], widths: [null, null, null], leftOut: [] };
    expect(fitToWidth(table, undefined)).toEqual(whole);
    expect(fitToWidth(table, 42)).toEqual(whole);
  });

  it("has its widest columns broken between words where there is not", () => {
    expect(fitToWidth(table, 35)).toEqual({ columns: [0, 1, 2], widths: [null, null, 15], leftOut: [] });
    // Of numbers, only the title is broken.
    expect(fitToWidth(table, 20)).toEqual({ columns: [0, 1, 2], widths: [null, 5, 7], leftOut: [] });
  });

  it("leaves out what it can spare where that is not enough, and is never cut", () => {
    expect(fitToWidth(table, 14)).toEqual({ columns: [0, 2], widths: [null, 8], leftOut: [1] });
    expect(fitToWidth(table, 5)).toEqual({ columns: [0, 2], widths: [null, 7], leftOut: [1] });
  });

  it("is broken in places and methods, too", () => {
    expect(breakLines("onnxruntime-web@chromium autograd/shifted-detached", 20)).toBe(
      "onnxruntime-web@\nchromium autograd/\nshifted-detached",
    );
  });

  it("is broken between words where that is enough", () => {
    expect(breakLines("wasm-simd manual/fused", 14)).toBe("wasm-simd\nmanual/fused");
  });

  it("counts the columns that wide characters take", () => {
    const wide = { kind: "table", header: ["名前"], rows: [["日本語 日本語"]], numeric: [] } as const;
    expect(fitToWidth(wide, 12).widths).toEqual([12]);
    expect(fitToWidth(wide, 13).widths).toEqual([null]);
  });
});

describe("a report in a terminal", () => {
  const reason = "its runtime has no kernel for that operator on this device, whatever its version";
  const results = resultsOf({
    resolution: RESOLUTION,
    backends: [backend(), backend({ id: "onnxruntime-web@chromium" })],
    cells: [
      measured("manual/exact-target", { us: 100 }),
      measured("manual/fused", { us: 101 }),
      measured(
        "autograd/shifted-detached",
        { us: 300 },
        { backend: "onnxruntime-web@chromium", note: reason },
      ),
      absent("autograd/library", "crashed", reason),
    ],
  });

  it.each([80, 100, 160])("is no wider than its %d columns", (width) => {
    const view = reportView(results);
    for (const render of [renderSummary, renderTerminal]) {
      expect(widest(render(view, { color: false, width }))).toBeLessThanOrEqual(width);
    }
  });

  it("is as wide as it needs for a file or a pipe", () => {
    expect(renderTerminal(reportView(results), { color: false })).toContain(
      `autograd/shifted-detached on onnxruntime-web@chromium: ${reason}\n`,
    );
  });

  it("says which columns it leaves out", () => {
    const text = renderTerminal(reportView(results), { color: false, width: 80 });
    expect(text).toMatch(/^Left out, as the terminal is too narrow: .*p99 ULP/m);
  });

  it("is short: the fastest, the next backend, and what went wrong", () => {
    const text = renderSummary(reportView(results), { color: false });
    expect(text.replaceAll(/ +/g, " ")).toContain(
      [
        "workload fastest gradient ± rel. L2 next backend ratio",
        "square float32 node manual/exact-target 100 µs 2.0 % 3.0e-8 onnxruntime-web@chromium autograd/shifted-detached 3.00×",
      ].join("\n"),
    );
    expect(text).toContain(`node autograd/library float32 square crashed: ${reason}`);
    expect(text).not.toContain(`on onnxruntime-web@chromium: ${reason}`);
  });

  it("marks a next backend that is no further away than identical code", () => {
    const cells = [measured("a"), measured("b", { us: 101 }, { backend: "other" })];
    const text = renderSummary(reportView(resultsOf({ resolution: RESOLUTION, cells })), { color: false });
    expect(text.replaceAll(/ +/g, " ")).toContain("other b = 1.01×");
  });

  it("names a faster gradient whose times had not settled", () => {
    const cells = [measured("a", { us: 50, time: { steadiness: "unsettled" } }), measured("b")];
    const text = renderSummary(reportView(resultsOf({ cells })), { color: false });
    expect(text).toContain("square float32: node a is faster, but its times had not settled.");
  });

  it("says why there is no fastest gradient", () => {
    const cells = [measured("a", { time: { steadiness: "unsettled" } })];
    const text = renderSummary(reportView(resultsOf({ cells })), { color: false });
    expect(text).toContain("square, float32: no winner: no gradient within the error bound");
  });
});
