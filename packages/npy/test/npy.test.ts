import { readFileSync } from "node:fs";
import { formatNpy, NpyError, parseNpy, UntypedError } from "@softmax-bench/npy";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

interface Fixture {
  readonly name: string;
  readonly dtype: string;
  readonly shape: number[];
  readonly values: string[];
  readonly bytes: string;
}

const fixtures: { read: Fixture[]; saved: Fixture[] } = JSON.parse(
  readFileSync(new URL("./fixtures/arrays.json", import.meta.url), "utf8"),
);
const bytesOf = (fixture: Fixture) => new Uint8Array(Buffer.from(fixture.bytes, "base64"));

describe("files that NumPy wrote", () => {
  it.each(fixtures.read.map((fixture) => [fixture.name, fixture] as const))("%s", (_, fixture) => {
    const { dtype, shape, data } = parseNpy(bytesOf(fixture));
    expect(dtype).toBe(fixture.dtype);
    expect(shape).toEqual(fixture.shape);
    const expected = fixture.values.map((value) =>
      typeof data[0] === "bigint" ? BigInt(value) : Number(value),
    );
    expect(Array.from(data as ArrayLike<number | bigint>)).toEqual(expected);
  });

  it("are read at any offset of a larger buffer", () => {
    const fixture = fixtures.read.find(({ name }) => name.startsWith("float64 [2, 3] C <")) as Fixture;
    const bytes = bytesOf(fixture);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(parseNpy(shifted.subarray(3))).toEqual(parseNpy(bytes));
  });

  it("are read from a Buffer, whose slice is no copy, and leave it as it was", () => {
    expect(fixtures.read.length).toBeGreaterThan(10);
    for (const fixture of fixtures.read) {
      const bytes = bytesOf(fixture);
      const buffer = Buffer.from(bytes);
      expect(parseNpy(buffer)).toEqual(parseNpy(bytes));
      expect(buffer.equals(bytes)).toBe(true);
    }
  });

  it("are empty where one size is 0, however large the others claim to be", () => {
    const shape = `(${"9007199254740991, ".repeat(40)}0)`;
    expect(parseNpy(fileWith(header({ shape }))).data).toHaveLength(0);
  });

  it("have bools of any byte, as in NumPy", () => {
    const bytes = fileWith(header({ descr: "'|b1'", shape: "(3,)" }), 3);
    bytes.set([0, 2, 255], bytes.length - 3);
    expect(parseNpy(bytes).data).toEqual(Uint8Array.of(0, 1, 1));
  });
});

describe("bfloat16, which NumPy saves without a type", () => {
  const { bfloat16 }: { bfloat16: { values: string[]; files: Record<string, string> } } = JSON.parse(
    readFileSync(new URL("./fixtures/half.json", import.meta.url), "utf8"),
  );

  it.each(Object.entries(bfloat16.files))("is read where it is named: %s", (_, base64) => {
    const bytes = Buffer.from(base64, "base64");
    const { dtype, shape, data } = parseNpy(bytes, { untyped: "bfloat16" });
    expect({ dtype, shape }).toEqual({ dtype: "bfloat16", shape: [3, 4] });
    expect(Array.from(data as Float32Array)).toEqual(bfloat16.values.map(Number));
  });

  it.each(Object.entries(bfloat16.files))("is refused otherwise, and called what it is: %s", (_, base64) => {
    const read = () => parseNpy(Buffer.from(base64, "base64"));
    expect(read).toThrow(UntypedError);
    expect(read).toThrow(/has elements of 2 bytes without a type \("[<|]V2"\), as NumPy saves bfloat16/);
  });

  it("is big-endian where the file says so", () => {
    const bytes = fileWith(header({ descr: "'>V2'", shape: "(1,)" }), 2);
    bytes.set([0x3f, 0x80], bytes.length - 2);
    expect(parseNpy(bytes, { untyped: "bfloat16" }).data).toEqual(Float32Array.of(1));
  });

  it("leaves other elements without a type refused", () => {
    const bytes = fileWith(header({ descr: "'<V1'" }), 2);
    expect(() => parseNpy(bytes, { untyped: "bfloat16" })).toThrow(/expected elements of float16/);
  });
});

describe("formatNpy", () => {
  const ARRAYS = { float32: Float32Array, float64: Float64Array, int32: Int32Array };
  const arrayOf = (ArrayType: (typeof ARRAYS)[keyof typeof ARRAYS], values: number[]) => {
    const array = new ArrayType(values.length);
    array.set(values);
    return array;
  };
  it.each(fixtures.saved.map((fixture) => [`${fixture.dtype} [${fixture.shape}]`, fixture] as const))(
    "writes what numpy.save writes: %s",
    (_, fixture) => {
      const ArrayType = ARRAYS[fixture.dtype as keyof typeof ARRAYS];
      const data = arrayOf(ArrayType, fixture.values.map(Number));
      expect(Buffer.from(formatNpy({ shape: fixture.shape, data })).toString("base64")).toBe(fixture.bytes);
    },
  );

  it("writes what parseNpy reads", () => {
    const shape = fc.array(fc.nat({ max: 5 }), { maxLength: 4 });
    fc.assert(
      fc.property(shape, fc.constantFrom(Float32Array, Float64Array, Int32Array), (dims, ArrayType) => {
        const size = dims.reduce((product, dim) => product * dim, 1);
        const data = arrayOf(
          ArrayType,
          Array.from({ length: size }, (_, index) => index * 3 - 7),
        );
        expect(parseNpy(formatNpy({ shape: dims, data }))).toMatchObject({ shape: dims, data });
      }),
    );
  });

  it("pads by 64 where nothing needs padding, as NumPy does", () => {
    // numpy.save(file, numpy.zeros((0,) + (1,) * 35, "<f4")) writes 256 bytes.
    const shape = [0, ...new Array<number>(35).fill(1)];
    expect(formatNpy({ shape, data: new Float32Array(0) }).length).toBe(256);
  });

  it.each([[[-2, -3]], [[0.5, 12]], [[Number.NaN]]])("refuses %j, which is no shape", (shape) => {
    expect(() => formatNpy({ shape, data: new Float32Array(6) })).toThrow(RangeError);
  });

  it("refuses a shape of another size", () => {
    expect(() => formatNpy({ shape: [2, 2], data: new Float32Array(3) })).toThrow(RangeError);
  });
});

/** A version 1.0 file with this header and that many bytes of data. */
function fileWith(header: string, dataBytes = 0, version: readonly [number, number] = [1, 0]): Uint8Array {
  const text = new TextEncoder().encode(header);
  const start = version[0] === 1 ? 10 : 12;
  const bytes = new Uint8Array(start + text.length + dataBytes);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, ...version]);
  const view = new DataView(bytes.buffer);
  if (version[0] === 1) view.setUint16(8, text.length, true);
  else view.setUint32(8, text.length, true);
  bytes.set(text, start);
  return bytes;
}

const header = ({ descr = "'<f4'", order = "False", shape = "(2,)" } = {}) =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }\n`;

describe("hostile files", () => {
  it.each<[string, Uint8Array, RegExp]>([
    ["an empty file", new Uint8Array(0), /not a \.npy file/],
    ["another format", new TextEncoder().encode("PK\u0003\u0004 some zip archive"), /not a \.npy file/],
    ["an unknown version", fileWith(header(), 8, [9, 9]), /version 1\.0, 2\.0 or 3\.0, got 9\.9/],
    ["a header beyond the end", fileWith(header()).subarray(0, 30), /but ends after/],
    [
      "a header of 4 GB",
      new Uint8Array([...fileWith("", 0, [2, 0]).subarray(0, 8), 255, 255, 255, 255]),
      /claims a header of 4294967295/,
    ],
    [
      "2^60 elements",
      fileWith(header({ shape: "(1073741824, 1073741824)" }), 8),
      /4611686018427388000 bytes of data, but has 8/,
    ],
    [
      "a product beyond float64",
      fileWith(header({ shape: `(${"9007199254740991, ".repeat(40)})` }), 8),
      /bytes of data, but has 8/,
    ],
    [
      "a size beyond integers",
      fileWith(header({ shape: "(99999999999999999999,)" }), 8),
      /sizes of 0 or more/,
    ],
    ["a negative size", fileWith(header({ shape: "(-2,)" }), 8), /sizes of 0 or more, got "-2"/],
    ["a fractional size", fileWith(header({ shape: "(1.5,)" }), 8), /not a Python dict/],
    ["leading zeros", fileWith(header({ shape: "(002,)" }), 8), /not a Python dict/],
    ["a shape that is no tuple", fileWith(header({ shape: "2" }), 8), /expected a tuple, got "2"/],
    ["parentheses that are no tuple", fileWith(header({ shape: "(2)" }), 8), /expected a tuple, got "2"/],
    [
      "65 dimensions",
      fileWith(header({ shape: `(${"1, ".repeat(65)})` }), 4),
      /at most 64 dimensions, got 65/,
    ],
    ["missing data", fileWith(header(), 7), /claims float32\[2\], 8 bytes of data, but has 7/],
    ["data too many", fileWith(header(), 9), /8 bytes of data, but has 9/],
    ["objects", fileWith(header({ descr: "'|O'" }), 16), /expected elements of .* got "\|O"/],
    ["strings", fileWith(header({ descr: "'<U3'" }), 24), /got "<U3"/],
    ["complex numbers", fileWith(header({ descr: "'<c8'" }), 16), /got "<c8"/],
    ["dates", fileWith(header({ descr: "'<M8[ns]'" }), 16), /got "<M8\[ns\]"/],
    ["a member of every object", fileWith(header({ descr: "'<constructor'" }), 16), /got "<constructor"/],
    ["no byte order", fileWith(header({ descr: "'|f4'" }), 8), /got "\|f4"/],
    ["records", fileWith(header({ descr: "[('a', '<f4')]" }), 8), /got one of records/],
    ["a descr that is no string", fileWith(header({ descr: "7" }), 8), /descr: expected a string, got "7"/],
    [
      "an order that is no truth value",
      fileWith(header({ order: "'C'" }), 8),
      /fortran_order: expected True or False/,
    ],
    ["a missing entry", fileWith("{'descr': '<f4', 'shape': (2,)}", 8), /lacks fortran_order/],
    ["an unknown entry", fileWith("{'__proto__': 1}"), /unknown entry "__proto__"/],
    ["an entry twice", fileWith("{'shape': (1,), 'shape': (2,)}"), /says "shape" twice/],
    ["code", fileWith("__import__('os').system('true')"), /not a Python dict/],
    ["nothing", fileWith("   "), /expected \{, got "the end"/],
    ["text behind the dict", fileWith(`${header().trim()} or 1`, 8), /not a Python dict/],
    ["a dict that does not end", fileWith("{'descr': '<f4'"), /expected \}/],
    ["tuples without end", fileWith(`{'shape': ${"(".repeat(5000)}`), /not a Python dict/],
    ["terminal escapes", fileWith(header({ descr: "'\u001b[31mred'" })), /got "\?\[31mred"/],
    [
      "broken UTF-8",
      new Uint8Array([...fileWith("", 0, [3, 0]).subarray(0, 8), 1, 0, 0, 0, 0xff]),
      /not UTF-8/,
    ],
  ])("%s", (_, bytes, message) => {
    expect(() => parseNpy(bytes)).toThrow(NpyError);
    expect(() => parseNpy(bytes)).toThrow(message);
  });

  it("are read or refused, whatever is changed in a good one", () => {
    const files = fixtures.read.map(bytesOf);
    const mutation = fc.record({
      file: fc.nat({ max: files.length - 1 }),
      cut: fc.double({ min: 0, max: 1, noNaN: true }),
      edits: fc.array(
        fc.record({ at: fc.double({ min: 0, max: 0.999, noNaN: true }), byte: fc.nat({ max: 255 }) }),
        { maxLength: 6 },
      ),
      truncates: fc.boolean(),
    });
    fc.assert(
      fc.property(mutation, ({ file, cut, edits, truncates }) => {
        const bytes = (files[file] as Uint8Array).slice();
        for (const { at, byte } of edits) bytes[Math.floor(at * bytes.length)] = byte;
        const damaged = truncates ? bytes.subarray(0, Math.floor(cut * bytes.length)) : bytes;
        try {
          expect(parseNpy(damaged).data.byteLength).toBeLessThanOrEqual(2 * damaged.length);
        } catch (error) {
          expect(error).toBeInstanceOf(NpyError);
          expect((error as Error).message).not.toMatch(/\n/);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
