import { execFileSync } from "node:child_process";
import { SoftmaxKernel } from "@softmax-bench/wasm-simd";
import { expect, it } from "vitest";

const PACKAGE = JSON.stringify(import.meta.resolve("@softmax-bench/wasm-simd"));

/** Several windows of rows, so large that memory grows during a call; and the last layer. */
const COMPUTE = `
  const irregular = (length) => Float32Array.from({ length }, (_, index) => ((index * 0.6180339887) % 1 - 0.5) * 8);
  const [rows, classes] = [40, 20_000];
  const labels = Int32Array.from({ length: rows }, (_, row) => row * 7);
  const probabilities = irregular(rows * classes).map(Math.abs);
  const own = kernel.allocate("float32", rows * classes);
  own.set(irregular(rows * classes));
  const results = [
    kernel.softmaxCrossEntropy(own, labels, { labelSmoothing: 0.1 }),
    kernel.softmaxCrossEntropy(own, probabilities, { classes, out: new Float32Array(rows * classes) }),
    kernel.linearSoftmaxCrossEntropy(irregular(rows * 16), irregular(classes * 16), labels),
  ];
  kernel.free(own);
  const numbers = results.flatMap((result) => Object.values(result).flatMap((value) => (value.length ? [...value] : [value])));`;

/** Computes in a process of its own. @param before what is done to the process first */
function compute(before: string): unknown {
  const code = `
    ${before}
    const { SoftmaxKernel } = await import(${PACKAGE});
    const kernel = await SoftmaxKernel.start({ threads: 2, instructions: "simd" });
    ${COMPUTE}
    const { createHash } = await import("node:crypto");
    const digest = createHash("sha256").update(Float64Array.from(numbers)).digest("hex");
    console.log(JSON.stringify({ digest, threads: kernel.threads, allocated: kernel.allocated }));
    await kernel.dispose();`;
  const args = ["--input-type=module", "--eval", code];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
}

it("computes the same on one thread where there is no SharedArrayBuffer", () => {
  const { digest } = compute("") as { digest: string };
  expect(compute("delete globalThis.SharedArrayBuffer;")).toEqual({ digest, threads: 1, allocated: 0 });
});

it("computes with shared memory here", async () => {
  await using kernel = await SoftmaxKernel.start({ threads: 2 });
  expect(kernel.threads).toBe(2);
  expect(kernel.allocate("int32", 1).buffer).toBeInstanceOf(SharedArrayBuffer);
});
