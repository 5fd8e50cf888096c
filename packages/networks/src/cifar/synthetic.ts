import { normalSource, uniformSource } from "@softmax-bench/core";
import type { Images } from "./records.js";

const [PLANE, CLASSES] = [32 * 32, 10];

/** Seeded images in the format of CIFAR-10: each class is a wave of its own with added noise. */
export function syntheticImages(count: number): Images {
  const [uniform, noise] = [uniformSource("images/labels", 0), normalSource("images/noise", 0)];
  const labels = Uint8Array.from({ length: count }, () => Math.floor(uniform() * CLASSES));
  const pixels = new Float32Array(count * 3 * PLANE);
  for (let index = 0; index < pixels.length; index++) {
    const label = labels[Math.floor(index / (3 * PLANE))] as number;
    const [x, y, channel] = [index % 32, Math.floor(index / 32) % 32, Math.floor(index / PLANE) % 3];
    // A triangle wave: sines differ between engines in the last bit.
    const phase = ((label + 1) * x + (channel + 1) * label * y) / 64;
    const wave = 4 * Math.abs(phase - Math.floor(phase) - 0.5) - 1;
    pixels[index] = Math.max(-1, Math.min(1, 0.6 * wave + 0.3 * noise()));
  }
  return { pixels, labels };
}
