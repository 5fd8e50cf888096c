import { Decimal } from "decimal.js";
import { describe, expect, it } from "vitest";
import { compile, createMemory, instantiate, type KernelExports } from "../dist/modules/module.js";
import { INSTRUCTIONS } from "./instructions.js";

const COUNT = 1 << 16;
const memory = createMemory(32);
/** Beyond what a kernel has for itself. */
const x = 65536;
const out = x + COUNT * 8;
const scratch = out + COUNT * 8;

describe.each(INSTRUCTIONS)("exp of %s", async (instructions) => {
  const kernel = await instantiate(await compile(instructions), memory);

  it("is within 1.5 ULP for float32 from -104 to 0", () => {
    expect(worstOfFloat32(kernel, { every: 61 })).toBeLessThanOrEqual(1.5);
  });

  it("is within 1.5 ULP for every float32 from -104 to 0", { tags: "nightly" }, () => {
    expect(worstOfFloat32(kernel, { every: 1 })).toBeLessThanOrEqual(1.5);
  });

  const expectAccurateFloat64 = (count: number) => {
    const inputs = new Float64Array(memory.buffer, x, COUNT);
    const results = new Float64Array(memory.buffer, out, COUNT);
    for (let i = 0; i < count; i++) {
      const part = (i * 0.6180339887498949) % 1;
      // Half of them evenly, half by magnitude.
      inputs[i] = i % 2 ? -745.1 * part : -(2 ** (-60 + part * 69));
    }
    kernel.exp(true, false, x, count, out, scratch);
    let worst = 0;
    for (let i = 0; i < count; i++) {
      const exact = exactly(inputs[i] as number).exp();
      const ulp = Math.max(2 ** (Math.floor(Math.log2(exact.toNumber())) - 52), 2 ** -1074);
      const error = exactly(results[i] as number)
        .minus(exact)
        .abs()
        .div(exactly(ulp))
        .toNumber();
      worst = Math.max(worst, error);
    }
    expect(worst).toBeLessThanOrEqual(1.5);
  };
  const claim = "is within 1.5 ULP for %i float64s down to -745.1, subnormal results included";
  it.each([2000])(claim, expectAccurateFloat64);
  it.each([10_000])(claim, { tags: "nightly" }, expectAccurateFloat64);

  it("has the same bits where it takes results to be normal", () => {
    const inputs = new Float64Array(memory.buffer, x, COUNT);
    for (let i = 0; i < COUNT; i++) inputs[i] = (-708 * i) / COUNT;
    kernel.exp(true, false, x, COUNT, out, scratch);
    const expected = new Uint8Array(memory.buffer, out, COUNT * 8).slice();
    kernel.exp(true, true, x, COUNT, out, scratch);
    expect(Buffer.compare(new Uint8Array(memory.buffer, out, COUNT * 8), expected)).toBe(0);
  });

  it.each([
    ["float32", Float32Array, false],
    ["float64", Float64Array, true],
  ] as const)("of %s takes -Infinity to 0, keeps NaN, and 0 is exactly 1", (_, ArrayType, double) => {
    const inputs = new ArrayType(memory.buffer, x, 5);
    inputs.set([Number.NEGATIVE_INFINITY, Number.NaN, 0, -0, -1e30]);
    kernel.exp(double, false, x, 5, out, scratch);
    expect([...new ArrayType(memory.buffer, out, 5)]).toEqual([0, Number.NaN, 1, 1, 0]);
  });
});

/** A number's own value: `new Decimal(x)` takes its shortest decimal digits. */
function exactly(x: number): Decimal {
  if (x === 0) return new Wide(0);
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(x))), -1022) - 52;
  return new Wide(x / 2 ** exponent).mul(new Wide(2).pow(exponent));
}
const Wide = Decimal.clone({ precision: 40 });

/**
 * The largest error for every nth float32 from 0 down to −104, in ULP, against Math.exp, which is within 1 ULP of float64. Infinite
 * where the kernel's short cut for normal results, down to −87, has other bits.
 */
function worstOfFloat32(kernel: KernelExports, { every }: { every: number }): number {
  const inputs = new Uint32Array(memory.buffer, x, COUNT);
  const values = new Float32Array(memory.buffer, x, COUNT);
  const results = new Float32Array(memory.buffer, out, COUNT);
  const bytes = new Uint8Array(memory.buffer, out, COUNT * 4);
  const [last, leastNormal] = new Uint32Array(Float32Array.of(-104, -87).buffer) as unknown as [
    number,
    number,
  ];
  /** −2^-25: from there to 0, exp(x) is 1 to half an ULP. */
  const flat = 0xb3000000;
  let [worst, binade] = [0, 1];
  for (let first = 0x80000000; first <= last; first += COUNT * every) {
    for (let i = 0; i < COUNT; i++) inputs[i] = first + i * every;
    kernel.exp(false, true, x, COUNT, out, scratch);
    const normal = bytes.slice();
    kernel.exp(false, false, x, COUNT, out, scratch);
    const count = Math.min(COUNT, Math.floor((leastNormal - first) / every) + 1);
    if (count > 0 && Buffer.compare(bytes.subarray(0, 4 * count), normal.subarray(0, 4 * count)) !== 0)
      return Number.POSITIVE_INFINITY;
    for (let i = 0; i < COUNT; i++) {
      const result = results[i] as number;
      if (first + i * every <= flat) {
        if (result !== 1) return Number.POSITIVE_INFINITY;
        continue;
      }
      const exact = Math.exp(values[i] as number);
      while (exact < binade) binade /= 2;
      const error = Math.abs(result - exact) / Math.max(binade * 2 ** -23, 2 ** -149);
      // NaN, too.
      if (!(error <= worst)) worst = error;
    }
  }
  return worst;
}
