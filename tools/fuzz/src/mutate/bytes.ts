import type { Random } from "../random.js";

type Edit = (bytes: Buffer, at: number, random: Random) => Buffer;

const replaced = (bytes: Buffer, at: number, count: number, insertion: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, at), insertion, bytes.subarray(at + count)]);

const EDITS: readonly Edit[] = [
  (bytes, at, random) => {
    const copy = Buffer.from(bytes);
    if (copy.length > 0) copy[at] = (copy[at] as number) ^ (1 << random.below(8));
    return copy;
  },
  (bytes, at, random) =>
    replaced(bytes, at, 1, Uint8Array.of(random.pick([0, 1, 0x7f, 0x80, 0xff, 0x1b, 0x0a]))),
  (bytes, at) => bytes.subarray(0, at),
  (bytes, at, random) => replaced(bytes, at, 1 + random.below(16), new Uint8Array(0)),
  (bytes, at, random) => replaced(bytes, at, 0, bytes.subarray(at, at + 1 + random.below(64))),
  (bytes, at, random) => replaced(bytes, at, 0, Buffer.alloc(random.below(300), random.below(256))),
  (bytes, at, random) => {
    const from = random.below(bytes.length + 1);
    return replaced(bytes, at, 8, bytes.subarray(from, from + 8));
  },
];

/** The bytes with a few flipped, cut off, removed, repeated or inserted. */
export function mutateBytes(bytes: Uint8Array, random: Random): Buffer {
  let mutated = Buffer.from(bytes);
  for (let left = 1 + random.below(3); left > 0; left--) {
    mutated = Buffer.from(random.pick(EDITS)(mutated, random.below(mutated.length || 1), random));
  }
  return mutated;
}
