import { readFileSync } from "node:fs";
import { parseSafetensors, SafetensorsError } from "@softmax-bench/npy";
import { describe, expect, it } from "vitest";

interface Expected {
  readonly dtype: string;
  readonly shape: number[];
  readonly values: string[];
}

const { safetensors }: { safetensors: { bytes: string; tensors: Record<string, Expected> } } = JSON.parse(
  readFileSync(new URL("./fixtures/half.json", import.meta.url), "utf8"),
);
const written = Buffer.from(safetensors.bytes, "base64");

/** A file with this header and that many bytes of data. */
function fileWith(header: unknown, dataBytes = 0): Buffer {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)]);
}

const tensor = (changes: object = {}) => ({ dtype: "F32", shape: [2], data_offsets: [0, 8], ...changes });

describe("files that safetensors wrote", () => {
  const tensors = parseSafetensors(written);

  it("have the tensors that were saved", () => {
    expect([...tensors.keys()].sort()).toEqual(Object.keys(safetensors.tensors).sort());
  });

  it.each(Object.entries(safetensors.tensors))("%j", (name, { dtype, shape, values }) => {
    const array = tensors.get(name)?.read();
    expect(array?.dtype).toBe(dtype);
    expect(array?.shape).toEqual(shape);
    expect(Array.from(array?.data as ArrayLike<number | bigint>, Number)).toEqual(values.map(Number));
  });

  it("stay as they are when a tensor is changed", () => {
    const before = Buffer.from(written);
    (tensors.get("F32")?.read().data as Float32Array)[0] = 7;
    expect(written.equals(before)).toBe(true);
  });
});

describe("parseSafetensors", () => {
  it("reads a tensor named as a member of every object, and no metadata", () => {
    const file = fileWith(
      '{"__metadata__":{"a":"b"},"__proto__":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}',
      4,
    );
    expect([...parseSafetensors(file).keys()]).toEqual(["__proto__"]);
  });

  it("reads a file without tensors", () => {
    expect(parseSafetensors(fileWith("{}  ")).size).toBe(0);
  });

  it("lists a tensor of a type that it does not read, and refuses to read it", () => {
    const tensors = parseSafetensors(fileWith({ a: tensor({ dtype: "F8_E4M3", data_offsets: [0, 2] }) }, 2));
    expect(tensors.get("a")?.shape).toEqual([2]);
    expect(() => tensors.get("a")?.read()).toThrow(
      'tensor "a": expected one of F16, BF16, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64, BOOL, got "F8_E4M3"',
    );
  });

  const claimed = (length: bigint): Buffer => {
    const file = fileWith("{}");
    file.writeBigUInt64LE(length);
    return file;
  };

  it.each<[string, Uint8Array, RegExp | string]>([
    ["nothing", new Uint8Array(0), "ends within the length of its header"],
    ["7 bytes", new Uint8Array(7), "ends within the length of its header"],
    [
      "a header of 2^64 − 1 bytes",
      claimed(2n ** 64n - 1n),
      /claims a header of 18446744073709551615 bytes, more/,
    ],
    ["a longer header than the file", claimed(3n), "claims a header of 3 bytes, but ends after 2 of them"],
    ["no header", claimed(0n), "the header is not JSON in UTF-8"],
    ["a header that is not JSON", fileWith("{'a': 1}"), "the header is not JSON in UTF-8"],
    ["a header that is not UTF-8", fileWith("{}").fill(0xff, 8), "the header is not JSON in UTF-8"],
    ["a list", fileWith("[]"), "expected an object in the header"],
    ["a header nested deeply", fileWith("[".repeat(500_000)), "the header is not JSON in UTF-8"],
    [
      "a name twice, spelt differently",
      fileWith(`{"ab":${JSON.stringify(tensor())},"a\\u0062":${JSON.stringify(tensor())}}`, 8),
      'the header has "ab" twice',
    ],
    [
      "a member twice",
      fileWith('{"a":{"dtype":"F32","dtype":"F64","shape":[1],"data_offsets":[0,8]}}', 8),
      'the header has "dtype" twice',
    ],
    ["a tensor that is a number", fileWith({ a: 1 }), 'tensor "a": expected dtype, shape and data_offsets'],
    [
      "a tensor without a shape",
      fileWith({ a: tensor({ shape: undefined }) }, 8),
      /expected dtype, shape and/,
    ],
    [
      "an unknown member",
      fileWith({ a: tensor({ stride: [1] }) }, 8),
      /expected dtype, shape and data_offsets/,
    ],
    [
      "a negative size",
      fileWith({ a: tensor({ shape: [-2] }) }, 8),
      /shape: expected a list of at most 64 sizes/,
    ],
    [
      "a fraction of a size",
      fileWith({ a: tensor({ shape: [0.5, 4] }) }, 8),
      /shape: expected a list of at most/,
    ],
    [
      "65 sizes",
      fileWith({ a: tensor({ shape: new Array(65).fill(1) }) }, 4),
      /shape: expected a list of at most 64/,
    ],
    [
      "sizes whose product overflows",
      fileWith({ a: tensor({ shape: new Array(40).fill(2 ** 53 - 1) }) }, 8),
      /takes Inf/,
    ],
    [
      "one offset",
      fileWith({ a: tensor({ data_offsets: [0] }) }, 8),
      /data_offsets: expected where it begins and/,
    ],
    [
      "an end before its beginning",
      fileWith({ a: tensor({ data_offsets: [8, 0] }) }, 8),
      /expected where it begins/,
    ],
    [
      "offsets of another size",
      fileWith({ a: tensor({ shape: [3] }) }, 8),
      /takes 12 bytes, but its data_offsets have 8/,
    ],
    ["more than the data", fileWith({ a: tensor() }, 7), "claims 8 bytes of data, but has 7"],
    ["less than the data", fileWith({ a: tensor() }, 9), "claims 8 bytes of data, but has 9"],
    [
      "tensors that overlap",
      fileWith({ a: tensor(), b: tensor({ data_offsets: [4, 12] }) }, 12),
      'tensor "b": overlaps another tensor before byte 8',
    ],
    [
      "the same data twice",
      fileWith({ a: tensor(), b: tensor() }, 8),
      'tensor "b": overlaps another tensor before byte 8',
    ],
    [
      "a gap",
      fileWith({ a: tensor(), b: tensor({ data_offsets: [12, 20] }) }, 20),
      'tensor "b": leaves a gap of 4 bytes before byte 12',
    ],
    [
      "a name with commands of a terminal",
      fileWith({ "\u001b[2J\r\nFORGED: \u202e line": 1 }),
      'tensor "?[2J??FORGED: ? line": expected dtype, shape and data_offsets',
    ],
  ])("refuses %s, in words", (_, file, message) => {
    expect(() => parseSafetensors(file)).toThrow(SafetensorsError);
    expect(() => parseSafetensors(file)).toThrow(message);
  });
});
