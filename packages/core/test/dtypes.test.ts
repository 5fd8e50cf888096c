import {
  DTYPE_IDS,
  DTYPES,
  findForeign,
  floatArrayFrom,
  requireInputs,
  SWEEPS,
  setRounded,
  USUAL_DTYPE_IDS,
} from "@softmax-bench/core";
import { describe, expect, it } from "vitest";

/** Above the middle of 1 and the next float16 by less than a float32 can tell. */
const ABOVE_TIE = 1 + 2 ** -11 + 2 ** -40;
const NEXT = 1 + 2 ** -10;

describe("values of half precision", () => {
  it("are rounded once, from doubles", () => {
    expect(Math.fround(ABOVE_TIE)).toBe(1 + 2 ** -11);
    expect(floatArrayFrom("float16", [ABOVE_TIE])).toEqual(Float32Array.of(NEXT));
    const array = new Float32Array(2);
    setRounded("float16", array, [ABOVE_TIE], 1);
    expect(array).toEqual(Float32Array.of(0, NEXT));
  });

  it("underflow and overflow where their formats do", () => {
    expect(floatArrayFrom("float16", [2 ** -24, 2 ** -25, 65519, 65520])).toEqual(
      Float32Array.of(2 ** -24, 0, 65504, Number.POSITIVE_INFINITY),
    );
    expect(floatArrayFrom("bfloat16", [2 ** -133, 2 ** -134, 65520])).toEqual(
      Float32Array.of(2 ** -133, 0, 65536),
    );
  });

  it("are told from other values of the array that holds them", () => {
    const values = Float32Array.of(1, Number.NaN, Number.NEGATIVE_INFINITY, -0, 257);
    expect(findForeign("float16", values)).toBe(-1);
    expect(findForeign("bfloat16", values)).toBe(4);
    expect(findForeign("float32", Float32Array.of(0.1))).toBe(-1);
  });

  it("are required of inputs", () => {
    const task = { method: "manual/fused", dtype: "bfloat16", rows: 1, classes: 2 } as const;
    const inputs = (logits: Float32Array) => ({ logits, labels: Int32Array.of(1) });
    expect(() => requireInputs(task, inputs(Float32Array.of(256, 258)))).not.toThrow();
    expect(() => requireInputs(task, inputs(Float32Array.of(256, 257)))).toThrow(
      "logits: expected values of bfloat16, got 257 at 1; round them first",
    );
  });

  it.each(SWEEPS.map(({ id }) => id))("are the logits of the sweep %s, and finite but for masks", (id) => {
    const sweep = SWEEPS.find((one) => one.id === id);
    for (const dtype of ["float16", "bfloat16"] as const) {
      for (const point of sweep?.points(dtype) ?? []) {
        const { logits } = sweep?.inputs(point, dtype, 0) ?? { logits: new Float32Array() };
        expect(findForeign(dtype, logits)).toBe(-1);
        // −∞ is a masked class.
        if (id !== "masked") expect(logits.every(Number.isFinite)).toBe(true);
      }
    }
  });
});

describe("the dtypes that are measured where none is named", () => {
  it("are those of which all arithmetic is", () => {
    expect(USUAL_DTYPE_IDS).toEqual(["float32", "float64"]);
    expect(DTYPE_IDS).toEqual(["float32", "float64", "float16", "bfloat16"]);
    expect(DTYPE_IDS.map((dtype) => DTYPES[dtype].bytes)).toEqual([4, 8, 2, 2]);
  });
});
