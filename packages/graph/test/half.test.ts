import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  apply,
  cast,
  evaluate,
  fromHalfBits,
  type HalfDType,
  input,
  roundToHalf,
  scalar,
  tensor,
  toHalfBits,
} from "../src/index.js";

/** Results of NumPy and ml_dtypes, and of exact arithmetic: see `fixtures/half.py`. */
interface Fixture {
  readonly digest: string;
  readonly doubles: readonly string[];
  readonly rounded: readonly number[];
  readonly singles: readonly string[];
  readonly singlesRounded: readonly number[];
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly results: Readonly<Record<string, readonly number[]>>;
}

const FIXTURES: Readonly<Record<HalfDType, Fixture>> = JSON.parse(
  readFileSync(new URL("fixtures/half.json", import.meta.url), "utf8"),
);

const ALL = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);

describe.each(["float16", "bfloat16"] as const)("%s", (dtype) => {
  const fixture = FIXTURES[dtype];
  const numbers = fromHalfBits(dtype, ALL);
  const fromBits = (bits: readonly number[]) => Array.from(bits, (one) => numbers[one] as number);

  it("has the numbers of all 65,536 bit patterns that NumPy and ml_dtypes have", () => {
    const values = numbers.map((value) => (Number.isNaN(value) ? 0 : value));
    expect(createHash("sha256").update(new Uint8Array(values.buffer)).digest("hex")).toBe(fixture.digest);
  });

  it("keeps a NaN whose first bits are those of infinity", () => {
    const nan = new Float32Array(Uint32Array.of(0x7f800001, 0xff800001).buffer);
    expect([...fromHalfBits(dtype, toHalfBits(dtype, nan))]).toEqual([Number.NaN, Number.NaN]);
  });

  it("keeps every bit pattern, and each NaN a NaN", () => {
    const back = toHalfBits(dtype, numbers);
    const backAgain = fromHalfBits(dtype, back);
    const changed = ALL.filter((bits) => back[bits] !== bits && !Number.isNaN(numbers[bits]));
    expect(changed).toEqual(new Uint16Array());
    expect(backAgain).toEqual(numbers);
  });

  it("rounds each of its numbers to itself", () => {
    expect(numbers.filter((value) => !Object.is(roundToHalf(dtype, value), value))).toEqual(
      new Float32Array(),
    );
  });

  it("rounds doubles once, to nearest, ties to even, as exact arithmetic does", () => {
    const doubles = fixture.doubles.map((hex) => Buffer.from(hex, "hex").readDoubleBE());
    expect(doubles.map((value) => roundToHalf(dtype, value))).toEqual(fromBits(fixture.rounded));
    expect(Array.from(tensor(dtype, [doubles.length], doubles).data, Number)).toEqual(
      fromBits(fixture.rounded),
    );
    const wide = tensor("float64", [doubles.length], doubles);
    const narrowed = cast(input("x", "float64", [doubles.length]), dtype);
    const { y } = evaluate({ name: "cast", inputs: [], outputs: { y: narrowed } }, { x: wide });
    expect(Array.from(y?.data ?? [], Number)).toEqual(fromBits(fixture.rounded));
  });

  it("rounds singles as NumPy and ml_dtypes do", () => {
    const singles = fixture.singles.map((hex) => Buffer.from(hex, "hex").readFloatBE());
    expect(singles.map((value) => roundToHalf(dtype, value))).toEqual(fromBits(fixture.singlesRounded));
  });

  it.each(Object.keys(fixture.results))("has NumPy's results of %s", (op) => {
    const operand = (bits: readonly number[]) => tensor(dtype, [bits.length], fromBits(bits));
    const { y } = evaluate(
      {
        name: op,
        inputs: [],
        outputs: {
          y: apply(op, [input("a", dtype, [fixture.a.length]), input("b", dtype, [fixture.b.length])]),
        },
      },
      { a: operand(fixture.a), b: operand(fixture.b) },
    );
    expect(y?.dtype).toBe(dtype);
    expect(Array.from(y?.data ?? [], Number)).toEqual(fromBits(fixture.results[op] ?? []));
  });

  it("rounds constants and the integers that are cast to it", () => {
    expect(scalar(0.1, dtype).node.attributes.value).toMatchObject({
      data: Float32Array.of(dtype === "float16" ? 0.0999755859375 : 0.10009765625),
    });
    // Halfway between two numbers but for its last bit.
    const integer = dtype === "float16" ? 2049n : (257n << 40n) + 1n;
    const { y } = evaluate(
      { name: "cast", inputs: [], outputs: { y: cast(input("x", "int64", [1]), dtype) } },
      { x: tensor("int64", [1], [integer]) },
    );
    expect(Number(y?.data[0])).toBe(dtype === "float16" ? 2048 : 258 * 2 ** 40);
  });
});
