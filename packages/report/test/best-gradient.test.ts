import { describe, expect, it } from "vitest";
import {
  bestBlocks,
  bestGradient,
  type ComputedGradient,
  contenders,
  withProcess,
} from "../src/best-gradient.js";
import { gradientBlocks } from "../src/gradients.js";

const gradient = (
  backend: string,
  mediansNs: readonly number[],
  changes: Partial<ComputedGradient> = {},
  relL2 = 5e-8,
): ComputedGradient => ({
  backend,
  method: "manual/fused",
  status: "ok",
  note: undefined,
  loss: Float32Array.of(1),
  lossRelError: 0,
  gradientError: { relL2, maxAbs: 0, sumAbs: 0, maxUlp: 1, p99Ulp: 1, nonFinite: 0, rowSumResidual: 0 },
  mediansNs,
  steadiness: "settled",
  isContender: true,
  ...changes,
});

const textOf = (records: readonly ComputedGradient[]) =>
  bestBlocks(records, "float32").map((block) => (block.kind === "paragraph" ? block.text : ""));

describe("the best gradient of a user's arrays", () => {
  it("is the fastest within 16 unit roundoffs, with its time and error", () => {
    expect(textOf([gradient("slow", [30_000, 30_000]), gradient("quick", [10_000, 10_000])])).toEqual([
      "Best on your data: quick manual/fused, 10.0 µs for loss and gradient, relative L2 error 5.0e-8. Next is slow manual/fused, 3.00× as long.",
    ]);
  });

  it("is tied with what is slower by no more than the resolution, which three differences do not bound", () => {
    // Each gradient's times differ by 0.5 %; Student's t with 3 degrees of freedom makes 1.1 % of that for means of two.
    const records = [
      gradient("a", [10_000, 10_050]),
      gradient("b", [10_100, 10_150]),
      gradient("c", [10_400, 10_450]),
    ];
    expect(textOf(records)).toEqual([
      expect.stringMatching(
        /^Best on your data: a .*\. Tied with b manual\/fused: times of identical code may be 1\.1 % apart here\. Next is c manual\/fused, 1\.04×/,
      ),
    ]);
    expect(bestGradient(records, "float32")?.resolution).toBeCloseTo(0.0111, 4);
  });

  it("is tied within more than is assumed where processes differ by more", () => {
    // ln(14 / 10) / √2 for means of two.
    const records = [gradient("a", [10_000, 14_000]), gradient("b", [15_000, 15_000])];
    const found = bestGradient(records, "float32");
    expect(found?.tied.map(({ backend }) => backend)).toEqual(["b"]);
    expect(found?.resolution).toBeCloseTo(0.2686, 4);
  });

  it("has its resolution from times that had settled alone", () => {
    const records = [
      gradient("a", [10_000, 10_000]),
      gradient("b", [20_000, 40_000], { steadiness: "unsettled" }),
    ];
    expect(bestGradient(records, "float32")?.resolution).toBe(0);
  });

  it("is tied with all within 15 % where a time is of a single process", () => {
    const single = [gradient("a", [10_000]), gradient("b", [11_400]), gradient("c", [11_600])];
    expect(textOf(single)).toEqual([
      expect.stringMatching(
        /^Best on your data: a .*\. Tied with b manual\/fused: times of a single process may be 15 % apart for identical code\. Next is c manual\/fused, 1\.16×/,
      ),
    ]);
    const repeated = [
      gradient("a", [10_000, 10_100]),
      gradient("b", [11_400]),
      gradient("c", [10_400, 10_400]),
    ];
    expect(textOf(repeated)).toEqual([
      expect.stringMatching(
        /Tied with b manual\/fused: times of identical code may be 2\.2 % apart here, and those of a single process 15 %\. Next is c /,
      ),
    ]);
    expect(bestGradient(single, "float32")).toMatchObject({
      best: { backend: "a" },
      tied: [{ backend: "b" }],
      resolution: 0.15,
    });
  });

  it("is none whose times had not settled, which is said of faster ones, and marked", () => {
    const records = [
      gradient("quick", [1000, 1000], { steadiness: "unsettled" }),
      gradient("steady", [2000, 2000]),
    ];
    expect(textOf(records)).toEqual([
      expect.stringMatching(
        /^Best on your data: steady .* Faster, but their times had not settled: quick manual\/fused\.$/,
      ),
    ]);
    expect(bestGradient(records, "float32")?.best.backend).toBe("steady");
    const [table] = gradientBlocks(records, "float32");
    expect(table?.kind === "table" && table.rows.map((row) => row[2])).toEqual([
      "1.00 µs, unsettled",
      "2.00 µs",
    ]);
  });

  it("has the machine that was busy above the table", () => {
    const busy = "The machine was busy: other programs used 1.0 of 2 cores while this was measured.";
    const kinds = (text?: string) =>
      gradientBlocks([gradient("a", [1000, 1000])], "float32", text).map(({ kind }) => kind);
    expect(gradientBlocks([gradient("a", [1000, 1000])], "float32", busy)[0]).toMatchObject({ text: busy });
    expect(kinds(busy)).toEqual(["paragraph", ...kinds()]);
    expect(kinds()[0]).toBe("table");
  });

  it("is none at all where no times had settled", () => {
    const records = [gradient("a", [3000], { steadiness: "untested" })];
    expect(textOf(records)).toEqual([
      "No best gradient: none within the error bound (relative L2 error ≤ 9.5e-7, 16 unit roundoffs) has settled times. The fastest of them is a manual/fused, 3.00 µs for loss and gradient, relative L2 error 5.0e-8.",
    ]);
    expect(bestGradient(records, "float32")).toBeUndefined();
  });

  it("has a time of settled processes alone, if there are any", () => {
    const settled = gradient("a", [1000]);
    const unsettled = gradient("a", [3000], { steadiness: "unsettled" });
    expect(withProcess(settled, { medianNs: 1100, steadiness: "settled" }).mediansNs).toEqual([1000, 1100]);
    expect(withProcess(settled, { medianNs: 1100, steadiness: "unsettled" })).toBe(settled);
    expect(withProcess(unsettled, { medianNs: 1100, steadiness: "settled" })).toMatchObject({
      mediansNs: [1100],
      steadiness: "settled",
    });
    expect(withProcess(unsettled, { medianNs: 1100, steadiness: "untested" }).mediansNs).toEqual([
      3000, 1100,
    ]);
  });

  it("is none that exceeds the bound, which is said of faster ones", () => {
    const overflow = gradient("naive", [1000, 1000]);
    const nonFinite = { ...overflow, gradientError: { ...overflow.gradientError, nonFinite: 1 } };
    expect(textOf([nonFinite, gradient("stable", [2000, 2000])])).toEqual([
      expect.stringMatching(
        /^Best on your data: stable .* Faster, but outside the error bound \(relative L2 error ≤ 9\.5e-7, 16 unit roundoffs\): naive manual\/fused\.$/,
      ),
    ]);
    expect(textOf([nonFinite])).toEqual([
      "No gradient of your data is within the error bound (relative L2 error ≤ 9.5e-7, 16 unit roundoffs).",
    ]);
  });

  it("is neither a reference nor on a GPU in software", () => {
    const records = [gradient("pytorch", [100], { isContender: false }), gradient("wasm", [1000])];
    expect(contenders(records, "float32").map(({ backend }) => backend)).toEqual(["wasm"]);
    expect(textOf(records)[0]).not.toContain("pytorch");
  });
});
