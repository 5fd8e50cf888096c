import { SoftmaxKernel } from "@softmax-bench/wasm-simd";

/** Rows and classes: fewer than a vector, many rows, more than a block of classes, and a row that threads split. */
const SHAPES = [
  [3, 5],
  [257, 1000],
  [7, 50_257],
  [1, 262_144],
];
const ARRAYS = { float32: Float32Array, float64: Float64Array };

/** Numbers between -20 and 20 from a linear congruential generator: the same in every runtime. */
function logits(dtype, length) {
  let state = 1;
  return ARRAYS[dtype].from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 32) * 40 - 20;
  });
}

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Exponentials of differences to the maximum, and exponentials as pairs. */
const PASSES = { shifted: false, "two-pass": true };

/**
 * Digests of the losses and gradients of all shapes, by method, dtype and number of threads, computed without relaxed SIMD.
 *
 * @param {readonly number[]} counts of threads
 * @returns {Promise<Record<string, string>>} such as `{ "shifted float32 2": "9f…" }`
 */
export async function digests(counts) {
  const found = {};
  for (const threads of counts) {
    const kernel = await SoftmaxKernel.start({ threads, instructions: "simd" });
    for (const [name, twoPass] of Object.entries(PASSES)) {
      for (const dtype of ["float32", "float64"]) {
        const results = SHAPES.map(([rows, classes]) => {
          const labels = Int32Array.from({ length: rows }, (_, row) => (row * 7919) % classes);
          return kernel.softmaxCrossEntropy(logits(dtype, rows * classes), labels, { twoPass });
        });
        const arrays = results.flatMap(({ losses, gradient }) => [losses, gradient]);
        const bytes = arrays.map((array) => new Uint8Array(array.slice().buffer));
        found[`${name} ${dtype} ${threads}`] = await sha256(await new Blob(bytes).arrayBuffer());
      }
    }
    await kernel[Symbol.asyncDispose]();
  }
  return found;
}
