import { readFileSync } from "node:fs";
import { join } from "node:path";
import { NpyError, parseNpy } from "@softmax-bench/npy";
import { mutateBytes } from "../mutate/bytes.js";
import { mutateNpy } from "../mutate/npy.js";
import { ROOT, readCorpus, type Target } from "./target.js";

/** Files that NumPy wrote, as the tests of the package have them. */
function writtenByNumPy(): Uint8Array[] {
  const text = readFileSync(join(ROOT, "packages/npy/test/fixtures/arrays.json"), "utf8");
  const { read }: { read: { bytes: string }[] } = JSON.parse(text);
  return read.map(({ bytes }) => Buffer.from(bytes, "base64"));
}

export const npy: Target = {
  seeds: () => [...writtenByNumPy(), ...readCorpus("npy")],
  mutate: (file, random) =>
    random.chance(0.25) || file.length < 12 || file.length > 5000
      ? mutateBytes(file, random)
      : mutateNpy(file, random),
  read(file) {
    const { shape, data } = parseNpy(file);
    return () => {
      const size = shape.reduce((product, dim) => product * dim, 1);
      if (size !== data.length) throw new Error(`shape [${shape}] with ${data.length} elements`);
      return [];
    };
  },
  refusals: [NpyError],
};
