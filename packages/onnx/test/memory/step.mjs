// Runs steps of SGD on one thread, in a process of its own, and writes its peak memory and the times as a line of JSON. Times
// are those of the processor: they depend less than the clock's on what else the machine does.
// Usage: node --expose-gc step.mjs <model.onnx> <number of steps> [--checkpoint auto | <name>,…] [--float16]
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { allocate, inputName, legalize, optimize } from "@softmax-bench/graph";
import {
  chooseCheckpoints,
  ONNXRUNTIME_CPU,
  serialize,
  sgd,
  trainingGraph,
  trainingStep,
  withMixedPrecision,
} from "@softmax-bench/onnx";
import { loadModel } from "@softmax-bench/onnx/node";
import { InferenceSession, Tensor } from "onnxruntime-node";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { checkpoint: { type: "string" }, float16: { type: "boolean" } },
});
const [file = "", count = "1"] = positionals;
const model = loadModel(file);
const read = options.float16 ? withMixedPrecision(model.graph({}), "float16") : model.graph({});
const checkpoints =
  options.checkpoint === "auto"
    ? chooseCheckpoints(read, trainingGraph(read))
    : options.checkpoint?.split(",");
const training = trainingGraph(read, { checkpoints });
const graph = legalize(optimize(trainingStep(training, { optimizer: sgd() })), ONNXRUNTIME_CPU);

/** Stored weights, and small numbers for everything else. */
function feedFor(value) {
  const stored = model.initializers.get(inputName(value))?.read().data;
  const data = stored ?? allocate(value);
  if (inputName(value) === "learning_rate") data[0] = 1e-3;
  else if (!stored) {
    const isWhole = value.dtype === "int64";
    for (const index of data.keys()) data[index] = isWhole ? BigInt((index * 7) % 10) : Math.sin(index);
  }
  return new Tensor(value.dtype, data, value.shape);
}

/** A line of Linux's account of this process, in MB. */
const memory = (line) =>
  Number(new RegExp(`${line}:\\s+(\\d+) kB`).exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024;

// From a file: the bytes would count as memory of the process.
const folder = mkdtempSync(join(tmpdir(), "memory-"));
const path = join(folder, "step.onnx");
writeFileSync(path, serialize(graph));
const session = await InferenceSession.create(path, { logSeverityLevel: 4, intraOpNumThreads: 1 });
rmSync(folder, { recursive: true });
const feeds = Object.fromEntries(graph.inputs.map((value) => [inputName(value), feedFor(value)]));
globalThis.gc?.();
// Resets the peak.
writeFileSync("/proc/self/clear_refs", "5");
const before = memory("VmRSS");
const milliseconds = [];
const digest = createHash("sha256");
for (let step = 0; step < Number(count); step++) {
  const start = process.cpuUsage();
  const outputs = await session.run(feeds);
  const { user, system } = process.cpuUsage(start);
  milliseconds.push((user + system) / 1000);
  if (step > 0) continue;
  for (const name of Object.keys(outputs).sort()) digest.update(new Uint8Array(outputs[name].data.buffer));
}
const peak = memory("VmHWM") - before;
console.log(JSON.stringify({ checkpoints, peak, milliseconds, digest: digest.digest("hex") }));
