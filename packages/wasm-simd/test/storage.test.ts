import { fromHalfBits, roundToHalf } from "@softmax-bench/graph";
import { describe, expect, it } from "vitest";
import { compile, createMemory, DTYPE_CODES, instantiate } from "../dist/modules/module.js";
import { INSTRUCTIONS } from "./instructions.js";

const PATTERNS = 1 << 16;
const memory = createMemory(64);
/** Beyond what a kernel has for itself. */
const from = 65536;
const to = from + 16 * PATTERNS;

/** The largest number of each format, and its distance to the one below (IEEE 754-2019, section 3.4; bfloat16 has 8 bits of precision). */
const LARGEST = { float16: [65504, 32], bfloat16: [(2 - 2 ** -7) * 2 ** 127, 2 ** 120] } as const;

const asBits = ({ buffer, byteOffset, length }: Float32Array) => new Uint32Array(buffer, byteOffset, length);

describe.each(INSTRUCTIONS)("storage in half precision of %s", async (instructions) => {
  const kernel = await instantiate(await compile(instructions), memory);

  describe.each(["float16", "bfloat16"] as const)("%s", (dtype) => {
    const everyPattern = Uint16Array.from({ length: PATTERNS }, (_, pattern) => pattern);
    const numbers = fromHalfBits(dtype, everyPattern);

    it("is loaded exactly, for every pattern", () => {
      new Uint16Array(memory.buffer, from, PATTERNS).set(everyPattern);
      kernel.widenAll(DTYPE_CODES[dtype], from, PATTERNS, to);
      expectSameNumbers(new Float32Array(memory.buffer, to, PATTERNS), numbers);
    });

    it("is loaded and stored alike at every position of every count, and nothing else is written", () => {
      for (let count = 1; count <= 20; count++) {
        const own = everyPattern.subarray(15_000, 15_000 + count);
        new Uint16Array(memory.buffer, from, count).set(own);
        const single = new Float32Array(memory.buffer, to, count + 1).fill(7);
        kernel.widenAll(DTYPE_CODES[dtype], from, count, to);
        expect([...single]).toEqual([...numbers.subarray(15_000, 15_000 + count), 7]);
        const half = new Uint16Array(memory.buffer, from, count + 1).fill(7);
        kernel.narrowAll(DTYPE_CODES[dtype], to, count, from);
        expect([...half]).toEqual([...own, 7]);
      }
    });

    it("is rounded to nearest, ties to even, at, just below and just above each number and each middle of two", () => {
      const positive = numbers.filter((value, pattern) => pattern < 0x8000 && Number.isFinite(value));
      const [largest, distance] = LARGEST[dtype];
      const values: number[] = [Number.POSITIVE_INFINITY, Number.NaN, 3.4028234663852886e38, 1e-45];
      positive.forEach((value, index) => {
        const next = positive[index + 1] ?? largest + distance;
        for (const center of [value, (value + next) / 2]) {
          const [bits] = asBits(Float32Array.of(center)) as unknown as [number];
          for (const near of [bits - 1, bits, bits + 1]) {
            if (near < 0) continue;
            values.push(new Float32Array(Uint32Array.of(near).buffer)[0] as number);
          }
        }
      });
      for (const sign of [1, -1]) {
        for (let first = 0; first < values.length; first += PATTERNS) {
          const part = Float32Array.from(values.slice(first, first + PATTERNS), (value) => sign * value);
          new Float32Array(memory.buffer, from, part.length).set(part);
          kernel.narrowAll(DTYPE_CODES[dtype], from, part.length, to);
          const stored = new Uint16Array(memory.buffer, to, part.length).slice();
          expectSameNumbers(
            fromHalfBits(dtype, stored),
            part.map((value) => roundToHalf(dtype, value)),
          );
        }
      }
    });

    it("rounds to infinity from the middle above the largest number on", () => {
      const [largest, distance] = LARGEST[dtype];
      const [bits] = asBits(Float32Array.of(largest + distance / 2)) as unknown as [number];
      new Uint32Array(memory.buffer, from, 2).set([bits - 1, bits]);
      kernel.narrowAll(DTYPE_CODES[dtype], from, 2, to);
      const stored = fromHalfBits(dtype, new Uint16Array(memory.buffer, to, 2).slice());
      expect([...stored]).toEqual([largest, Number.POSITIVE_INFINITY]);
    });

    it("keeps every kind of NaN one", () => {
      const patterns = Uint32Array.of(0x7f800001, 0x7fffffff, 0x7fc00000, 0xffc00000, 0xff800001, 0xffffffff);
      new Uint32Array(memory.buffer, from, patterns.length).set(patterns);
      kernel.narrowAll(DTYPE_CODES[dtype], from, patterns.length, to);
      const stored = fromHalfBits(dtype, new Uint16Array(memory.buffer, to, patterns.length).slice());
      expect(stored.every(Number.isNaN)).toBe(true);
    });
  });
});

/** The same bits, signs of zeros included; NaN for NaN. */
function expectSameNumbers(actual: Float32Array, expected: Float32Array): void {
  expect(actual.length).toBe(expected.length);
  const different = actual.findIndex((value, index) => !Object.is(value, expected[index]));
  if (different >= 0) expect.fail(`at ${different}: ${actual[different]}, expected ${expected[different]}`);
}
