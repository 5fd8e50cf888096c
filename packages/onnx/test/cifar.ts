import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Images `[N, 3, 32, 32]` with values between -1 and 1, and their labels, 0 to 9. */
export interface Images {
  readonly source: "CIFAR-10" | "synthetic";
  readonly pixels: Float32Array;
  readonly labels: Uint8Array;
}

const IMAGE = 3 * 32 * 32;
/** One byte for the label, then the image's planes. */
const RECORD = 1 + IMAGE;

/** The first images of CIFAR-10 from `CIFAR10_DIR`; without it, seeded ones, in which each class has a pattern. */
export function images(count: number): Images {
  const folder = process.env.CIFAR10_DIR;
  const file =
    folder &&
    ["data_batch_1.bin", "data_batch_1.first1000.bin"].map((name) => join(folder, name)).find(existsSync);
  if (!file) return synthetic(count);
  const bytes = readFileSync(file);
  const pixels = new Float32Array(count * IMAGE);
  const labels = new Uint8Array(count);
  for (let image = 0; image < count; image++) {
    labels[image] = bytes[image * RECORD] as number;
    for (let at = 0; at < IMAGE; at++) {
      pixels[image * IMAGE + at] = (bytes[image * RECORD + 1 + at] as number) / 127.5 - 1;
    }
  }
  return { source: "CIFAR-10", pixels, labels };
}

function synthetic(count: number): Images {
  const labels = Uint8Array.from({ length: count }, (_, image) => (image * 7) % 10);
  const pixels = Float32Array.from({ length: count * IMAGE }, (_, index) => {
    const at = index % IMAGE;
    const label = labels[Math.floor(index / IMAGE)] as number;
    const pattern = Math.sin((label + 1) * 0.13 * (at % 32) + label * Math.floor(at / 1024));
    return 0.6 * pattern + 0.4 * Math.sin(78.233 * (index + 1));
  });
  return { source: "synthetic", pixels, labels };
}
