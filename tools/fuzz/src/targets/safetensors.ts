import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSafetensors, SafetensorsError } from "@softmax-bench/npy";
import { mutateBytes } from "../mutate/bytes.js";
import { mutateJson } from "../mutate/json.js";
import type { Random } from "../random.js";
import { ROOT, readCorpus, type Target } from "./target.js";

/** The file that the reference implementation wrote, as the tests of the package have it. */
function writtenByReference(): Uint8Array {
  const text = readFileSync(join(ROOT, "packages/npy/test/fixtures/half.json"), "utf8");
  const { safetensors }: { safetensors: { bytes: string } } = JSON.parse(text);
  return Buffer.from(safetensors.bytes, "base64");
}

const LENGTH_BYTES = 8;

/** The file with another header, whose length is right. */
function mutateHeader(file: Buffer, random: Random): Buffer {
  const end = LENGTH_BYTES + Number(file.readBigUInt64LE(0));
  const header = Buffer.from(mutateJson(file.toString("utf8", LENGTH_BYTES, end), random));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, file.subarray(end)]);
}

export const safetensors: Target = {
  seeds: () => [writtenByReference(), ...readCorpus("safetensors")],
  mutate: (file, random) =>
    random.chance(0.25) || file.length < LENGTH_BYTES || file.length > 5000
      ? mutateBytes(file, random)
      : mutateHeader(Buffer.from(file), random),
  read(file) {
    const arrays = Array.from(parseSafetensors(file).values(), (tensor) => readIfKnown(tensor.read));
    return () => {
      for (const { shape, data } of arrays.filter((array) => array !== undefined)) {
        const size = shape.reduce((product, dim) => product * dim, 1);
        if (size !== data.length) throw new Error(`shape [${shape}] with ${data.length} elements`);
      }
      return [];
    };
  },
  refusals: [SafetensorsError],
};

/** A tensor of a type that is not read does not keep others from being read. */
function readIfKnown<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof SafetensorsError) return undefined;
    throw error;
  }
}
