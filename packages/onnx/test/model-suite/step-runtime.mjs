// Steps of SGD of an exported step in ONNX Runtime: node step-runtime.mjs <folder> <threads> <seconds> [<profile>]
// The folder has model.onnx, step.onnx, batch.json and batch.bin. Prints one line of JSON: the milliseconds of each step, those of
// the processor, the losses of the first steps, and the largest resident set. With a profile, ONNX Runtime writes one with that prefix.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { nextName } from "@softmax-bench/onnx";
import { loadModel } from "@softmax-bench/onnx/node";
import { InferenceSession, Tensor } from "onnxruntime-node";

// As in step_pytorch.py.
const LEARNING_RATE = 1e-4;
const [WARM_UP, FEWEST] = [2, 4];

const ARRAYS = { float32: Float32Array, int64: BigInt64Array, bool: Uint8Array };

const [folder, threads, seconds, profile] = process.argv.slice(2);

/** The inputs of the first step: weights as the model stores them, and the batch. */
function firstFeeds(inputNames) {
  const { initializers } = loadModel(join(folder, "model.onnx"));
  const { inputs } = JSON.parse(readFileSync(join(folder, "batch.json"), "utf8"));
  const { buffer, byteOffset } = readFileSync(join(folder, "batch.bin"));
  const read = (name) => {
    if (name === "learning_rate") return new Tensor("float32", [LEARNING_RATE], []);
    const stored = initializers.get(name)?.read();
    if (stored) return new Tensor(stored.dtype, stored.data, stored.shape);
    const { dtype, shape, offset } = inputs[name];
    const size = shape.reduce((product, axis) => product * axis, 1);
    const start = byteOffset + offset;
    const Elements = ARRAYS[dtype];
    return new Tensor(
      dtype,
      new Elements(buffer.slice(start, start + size * Elements.BYTES_PER_ELEMENT)),
      shape,
    );
  };
  return Object.fromEntries(inputNames.map((name) => [name, read(name)]));
}

const session = await InferenceSession.create(join(folder, "step.onnx"), {
  intraOpNumThreads: Number(threads),
  logSeverityLevel: 3,
  ...(profile && { enableProfiling: true, profileFilePrefix: profile }),
});
let feeds = firstFeeds(session.inputNames);
const [times, processor, losses] = [[], [], []];
let end = Number.POSITIVE_INFINITY;
while (times.length < FEWEST || performance.now() < end) {
  if (losses.length === WARM_UP) end = performance.now() + 1000 * seconds;
  const [start, used] = [performance.now(), process.cpuUsage()];
  const outputs = await session.run(feeds, [
    "loss",
    ...Object.keys(feeds)
      .map(nextName)
      .filter((name) => session.outputNames.includes(name)),
  ]);
  feeds = Object.fromEntries(
    Object.entries(feeds).map(([name, fed]) => [name, outputs[nextName(name)] ?? fed]),
  );
  losses.push(outputs.loss.data[0]);
  if (losses.length > WARM_UP) {
    times.push(performance.now() - start);
    const { user, system } = process.cpuUsage(used);
    processor.push((user + system) / 1000);
  }
}
if (profile) session.endProfiling();
// In kB.
const peak = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ times, processor, losses: losses.slice(0, WARM_UP + FEWEST), peakMB: peak }));
