/** Prints a digest of losses and gradients of every dtype and way to compute, on vectors, blocks and ends of both. */
import { createHash } from "node:crypto";
import { SoftmaxKernel } from "../../dist/index.js";

const ARRAYS = { float32: Float32Array, float64: Float64Array, float16: Uint16Array, bfloat16: Uint16Array };
/** The bits of float16's and bfloat16's 1. */
const ONE = { float16: 0x3c00, bfloat16: 0x3f80 };
const CLASSES = [3, 10, 33, 1000, 1030, 3200];
const ROWS = 5;

const hash = createHash("sha256");
for (const instructions of process.argv.slice(2)) {
  const kernel = await SoftmaxKernel.start({ instructions });
  for (const [dtype, ArrayType] of Object.entries(ARRAYS)) {
    for (const classes of CLASSES) {
      for (const scale of [1, 60]) {
        const value = (index) => Math.sin(index * 12.9898) * scale;
        const bits = (index) => ONE[dtype] + Math.round(value(index)) + (index % 2) * 0x8000;
        const logits = ArrayType.from({ length: ROWS * classes }, (_, i) =>
          dtype in ONE ? bits(i) : value(i),
        );
        const labels = Int32Array.from({ length: ROWS }, (_, row) => (row * 7) % classes);
        for (const options of [{}, { exactTarget: false }, { twoPass: true }, { labelSmoothing: 0.1 }]) {
          const { losses, gradient } = kernel.softmaxCrossEntropy(logits, labels, { ...options, dtype });
          for (const { buffer } of [losses, gradient]) hash.update(new Uint8Array(buffer));
        }
      }
    }
  }
  await kernel.dispose();
}
console.log(hash.digest("hex"));
