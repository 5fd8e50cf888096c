/** The surroundings that an example assumes, and the example in them. */
export interface Example {
  /** The folder that it runs in: imports are resolved from there. */
  readonly package: string;
  /** Declares what the example takes for granted. */
  readonly before?: string;
  /** Shows what the example made. */
  readonly after?: string;
  /** All that it prints on stdout. */
  readonly prints: RegExp;
  /** A file that it reads, by the name that it uses. */
  readonly file?: readonly [name: string, path: string];
}

const LOGITS = "const logits = Float32Array.of(2, 0, 1, 0, 3, 1); const labels = Int32Array.of(0, 2);";
/** Of both rows, by hand: ln(e^0 + e^-2 + e^-1) = 0.40761, and 2 + ln(1 + e^-3 + e^-2) = 2.16985; their mean. */
const MEAN = 1.28873;

/** Every example in the documentation that is a program, by its file and its place among the file's blocks. */
export const EXAMPLES: Readonly<Record<string, Example>> = {
  "docs/ci.md 1": {
    package: "apps/cli",
    // Two classes with equal logits: p = 1/2 in both, and the loss is ln 2.
    after: `
      const problem = { logits: [1, 1], labels: [0], rows: 1, classes: 2, gradient: [0, 0] };
      const { loss, gradient } = myGradient(problem);
      console.log(loss.toFixed(5), gradient.join());`,
    prints: /^0\.69315 -0\.5,0\.5$/,
  },
  "docs/cli.md 1": {
    package: "apps/cli",
    prints: /^$/,
  },
  "docs/your-own.md 1": {
    package: "apps/cli",
    before: `
      import { defineConfig } from "softmax-bench";
      const myLoss = () => {};
      const [loss, gradient] = [0, []];`,
    prints: /^$/,
  },
  "docs/your-own.md 2": {
    package: "packages/tfjs",
    before: `
      import * as tf from "@tensorflow/tfjs";
      await tf.setBackend("cpu");
      const weights = tf.variable(tf.ones([2, 3]));
      const model = (images) => tf.matMul(images, weights);
      const images = tf.tensor2d([1, 0, 0, 1], [2, 2]);
      const labels = tf.tensor1d([0, 2], "int32");`,
    // p = 1/3 everywhere; targets are 0.9 + 0.1/3 and 0.1/3. (p − t)/2, rounded to float32.
    after: "console.log(Object.values(grads)[0].arraySync().flat().map((g) => g.toFixed(4)).join());",
    prints: /^-0\.3000,0\.1500,0\.1500,0\.1500,0\.1500,-0\.3000$/,
  },
  "docs/your-own.md 3": {
    package: "packages/wasm-simd",
    before: LOGITS,
    // Smoothing adds 0.1 times the target's logit minus the row's mean: 0.1 (1 − 1/3) / 2 on the average.
    after: "console.log(loss.toFixed(5), gradient.length);",
    prints: /^1\.32206 6$/,
  },
  "apps/cli/README.md 1": { package: "apps/cli", prints: /^$/ },
  "packages/graph/README.md 1": { package: "packages/graph", prints: /^\[ 12 \] \[ 12 \]$/ },
  "packages/npy/README.md 1": {
    package: "packages/npy",
    before: `
      import { readFileSync, writeFileSync } from "node:fs";
      const bytes = formatNpy({ shape: [2], data: Float64Array.of(1, 2) });`,
    after: "console.log(dtype, shape, data, parseNpy(readFileSync('gradient.npy')).shape);",
    prints: /^float64 \[ 2 \] Float64Array\(2\) \[ 1, 2 \] \[ 2, 3 \]$/,
  },
  "packages/numerics/README.md 1": {
    package: "packages/numerics",
    before: `${LOGITS} const [rows, classes] = [2, 3]; const loss = ${MEAN}; const gradient = new Float32Array(6);`,
    after: "console.log(relL2, maxUlp > 1e8, lossError < 1e-5);",
    prints: /^1 true true$/,
  },
  "packages/onnx/README.md 1": {
    package: "packages/onnx",
    prints: /^loss 0\.6931 before, 0\.[0-3]\d{3} after 100 steps of SGD$/,
  },
  "packages/onnx/README.md 2": {
    package: "packages/onnx",
    file: ["net.onnx", "packages/onnx/test/fixtures/cnn-opset13.onnx"],
    after: "console.log(bytes.length > 1000, weights.data?.length ?? weights.length);",
    prints: /^true \d+$/,
  },
  "packages/onnx/README.md 3": {
    package: "packages/onnx",
    file: ["net.onnx", "packages/onnx/test/fixtures/batch-norm.onnx"],
    after:
      "console.log(readFileSync('trained.onnx').length === bytes.length, readFileSync('trained.onnx').equals(bytes));",
    prints: /^loss \d\.\d{4} in step 0\nloss 0\.[01]\d{3} in step 199\ntrue false$/,
  },
  "packages/report/README.md 1": {
    package: "packages/report",
    before: `
      import { readFileSync, writeFileSync } from "node:fs";
      const json = readFileSync("results.json", "utf8");`,
    file: ["results.json", "bench-results/baselines/main.json"],
    after: "console.log(readFileSync('report.md', 'utf8').split('\\n')[0]);",
    prints: /\n# .+$/,
  },
  "packages/stats/README.md 1": {
    package: "packages/stats",
    after:
      "const { low, high, coverage } = summarize([5.1, 4.9, 5.0, 5.3, 4.8, 5.2]); console.log(low, high, coverage);",
    prints: /^4\.8 5\.3 0\.96875$/,
  },
  "packages/wasm-simd/README.md 1": {
    package: "packages/wasm-simd",
    after: "console.log(loss.toFixed(5), gradient.length);",
    prints: new RegExp(`^${MEAN} 6$`),
  },
  "packages/wasm-simd/README.md 2": {
    package: "packages/wasm-simd",
    before: `
      import { SoftmaxKernel } from "@softmax-bench/wasm-simd";
      ${LOGITS.replaceAll("logits", "values")}
      const kernel = await SoftmaxKernel.start({ threads: 1 });
      const [rows, classes, batches] = [2, 3, [{ labels }, { labels }]];
      const model = (_, out) => out.set(values);`,
    after: "console.log(out.length); await kernel[Symbol.asyncDispose]();",
    prints: /^6$/,
  },
  "packages/wasm-simd/README.md 3": {
    package: "packages/wasm-simd",
    // One row of two equal logits, 1 in bfloat16: its gradient is -0.5 and 0.5.
    before: `
      import { SoftmaxKernel } from "@softmax-bench/wasm-simd";
      const kernel = await SoftmaxKernel.start({ threads: 1 });
      const [bits, labels] = [Uint16Array.of(0x3f80, 0x3f80), Int32Array.of(0)];`,
    after:
      "console.log(Array.from(gradient, (of) => of.toString(16)).join()); await kernel[Symbol.asyncDispose]();",
    prints: /^bf00,3f00$/,
  },
  "packages/wasm-simd/README.md 4": {
    package: "packages/wasm-simd",
    // By the definition, in Python: log1p(exp(−2)) twice and log 2, their mean; rows p − q times matrix and input.
    before: `
      import { SoftmaxKernel } from "@softmax-bench/wasm-simd";
      const kernel = await SoftmaxKernel.start({ threads: 1 });`,
    after: `
      console.log(loss.toFixed(6), inputGradient[4].toFixed(6), matrixGradient[0].toFixed(6), matrixGradient.length);
      await kernel[Symbol.asyncDispose]();`,
    prints: /^0.315668 -0.333333 -0.206401 4$/,
  },
  "packages/wasm-simd/README.md 5": {
    package: "packages/wasm-simd",
    before: `
      import * as tf from "@tensorflow/tfjs-core";
      import "@tensorflow/tfjs-backend-cpu";
      await tf.setBackend("cpu");
      const weights = tf.variable(tf.tensor2d([0, 0, 0], [1, 3]));
      const model = () => weights;
      const [images, labels] = [undefined, tf.tensor1d([0], "int32")];`,
    // p = 1/3 everywhere; targets are 0.9 + 0.1/3 and 0.1/3. Minus 0.1 (p − t).
    after: "console.log([...weights.dataSync()].map((value) => value.toFixed(4)).join()); process.exit();",
    prints: /^0\.0600,-0\.0300,-0\.0300$/,
  },
};
