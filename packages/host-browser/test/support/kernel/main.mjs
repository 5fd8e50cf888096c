import { SoftmaxKernel } from "@softmax-bench/wasm-simd";

/** Enough for two threads to share, whether rows or the blocks of one. */
const SHAPES = [
  [64, 2000],
  [1, 70_000],
];

/** Losses and sums of gradients by `instructions`; undefined are the fastest. */
async function compute(instructions) {
  const kernel = await SoftmaxKernel.start({ threads: 2, instructions });
  const results = SHAPES.map(([rows, classes]) => {
    const logits = kernel.allocate("float32", rows * classes);
    logits.forEach((_, index) => {
      logits[index] = (((index * 0.6180339887) % 1) - 0.5) * 8;
    });
    const labels = Int32Array.from({ length: rows }, (_, row) => row * 7);
    const { loss, gradient } = kernel.softmaxCrossEntropy(logits, labels);
    kernel.free(logits);
    return [loss, gradient.reduce((sum, value) => sum + Math.abs(value), 0)];
  });
  const { threads } = kernel;
  await kernel.dispose();
  return { threads, results };
}

/** The results of the build that has the same bits everywhere, and of the fastest one here. */
async function run() {
  return { simd: await compute("simd"), fastest: await compute(undefined) };
}

const outcome = JSON.stringify(await run().catch((error) => ({ error: `${error}` })));
// A page has this function from `program-page.ts`. A web worker leaves it to its page.
if (globalThis.report) globalThis.report(outcome);
else postMessage(outcome);
