// Makes the training graph of each exported model, runs it in ONNX Runtime, and compares its gradients with PyTorch's.
// Usage: node check.mjs <folder of export.py> [<kind>…]; it writes `result.json` beside each model.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inputName, legalize, optimize } from "@softmax-bench/graph";
import { gradientName, ONNXRUNTIME_CPU, serialize, serializeOpen, trainingGraph } from "@softmax-bench/onnx";
import { loadModel } from "@softmax-bench/onnx/node";
import { InferenceSession, Tensor } from "onnxruntime-node";

/** The largest error that rounding explains. */
const TOLERANCE = 1e-4;
/** Beyond this error of PyTorch's own float32 gradients, rounding crosses a kink, and nothing can be told. */
const SMOOTH = 1e-5;
const STEPS = 1;

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  bool: Uint8Array,
};

class Arrays {
  #data;

  constructor(file) {
    this.#data = readFileSync(file);
  }

  read({ dtype, shape, offset }) {
    const length = shape.reduce((size, axis) => size * axis, 1);
    const type = ARRAYS[dtype];
    const bytes = this.#data.buffer.slice(
      this.#data.byteOffset + offset,
      this.#data.byteOffset + offset + length * type.BYTES_PER_ELEMENT,
    );
    return new type(bytes);
  }
}

/** The sizes that the model leaves open, the batch first. */
function openSizes({ inputs }) {
  const names = new Set(inputs.flatMap(({ shape }) => shape.filter((size) => typeof size === "string")));
  return [...names].sort((a, b) => Number(b === "batch") - Number(a === "batch"));
}

/** The values of the open sizes that a case has. */
function sizesOf({ inputs }, given) {
  const sizes = inputs.flatMap(({ name, shape }) =>
    shape.flatMap((size, axis) => (typeof size === "string" ? [[size, given[name].shape[axis]]] : [])),
  );
  return Object.fromEntries(sizes);
}

async function runStep(session, feeds) {
  await session.run(feeds);
  const times = [];
  let outputs;
  for (let step = 0; step < STEPS; step++) {
    const start = performance.now();
    outputs = await session.run(feeds);
    times.push((performance.now() - start) / 1000);
  }
  return { outputs, seconds: times.sort((a, b) => a - b)[Math.floor(STEPS / 2)] };
}

const norm = (numbers) => Math.sqrt(numbers.reduce((sum, x) => sum + x * x, 0));

/** The relative error of each gradient; those that are 0 but for rounding are measured by the largest. */
function errorsOf(outputs, wanted) {
  const largest = Math.max(...Object.values(wanted).map(norm));
  return Object.entries(wanted).flatMap(([name, gradient]) => {
    const found = outputs[gradientName(name)]?.data;
    if (!found) return [];
    const difference = norm(gradient.map((x, index) => x - found[index]));
    return [{ name, error: difference / Math.max(norm(gradient), 1e-3 * largest) }];
  });
}

async function check(folder) {
  const described = JSON.parse(readFileSync(join(folder, "case.json"), "utf8"));
  const arrays = new Arrays(join(folder, "data.bin"));
  const model = loadModel(join(folder, "model.onnx"));
  const graphAt = (sizes) =>
    legalize(optimize(trainingGraph(model.graph(sizes)), { fold: false }), ONNXRUNTIME_CPU);
  const open = openSizes(model);
  const first = graphAt(sizesOf(model, described.cases[0].inputs));
  const start = performance.now();
  const { bytes, closed } = writeOpen(open, graphAt);
  const writing = (performance.now() - start) / 1000;
  const results = [];
  for (const { batch, inputs, labels, loss, gradients, float32Error, seconds } of described.cases) {
    const written = bytes ?? serialize(graphAt(sizesOf(model, inputs)));
    const session = await InferenceSession.create(written, { logSeverityLevel: 4, intraOpNumThreads: 1 });
    const feed = (of) => new Tensor(of.dtype, arrays.read(of), of.shape);
    const feeds = Object.fromEntries(
      session.inputNames.map((name) => {
        const stored = model.initializers.get(name)?.read();
        if (stored) return [name, new Tensor(stored.dtype, stored.data, stored.shape)];
        return [name, feed(name === "labels" ? labels : inputs[name])];
      }),
    );
    const { outputs, seconds: took } = await runStep(session, feeds);
    await session.release();
    const wanted = Object.fromEntries(Object.entries(gradients).map(([name, of]) => [name, arrays.read(of)]));
    const errors = errorsOf(outputs, wanted).sort((a, b) => b.error - a.error);
    results.push({
      batch,
      float32Error,
      lossError: Math.abs(outputs.loss.data[0] - loss) / Math.max(Math.abs(loss), 1),
      error: errors[0]?.error ?? 0,
      worst: errors.slice(0, 4).map(({ name, error }) => `${name} ${error.toExponential(1)}`),
      ratio: took / seconds,
      forgotten: Object.keys(wanted).filter(
        (name) => !outputs[gradientName(name)] && norm(wanted[name]) > 0 && !model.choices.get(name)?.tie,
      ),
    });
  }
  const trained = first.inputs.map(inputName).filter((name) => model.initializers.has(name));
  const isRight = results.every(
    ({ error, lossError, forgotten }) => Math.max(error, lossError) <= TOLERANCE && forgotten.length === 0,
  );
  const isSmooth = results.every(({ float32Error }) => float32Error <= SMOOTH);
  return {
    verdict: isSmooth ? (isRight ? "right" : "wrong") : "undecided",
    open: closed ? [] : open,
    closed,
    writing,
    trained: trained.length,
    unknown: trained.filter((name) => !(name in described.cases[0].gradients)),
    missing: described.missing,
    results,
  };
}

/** The model with its sizes open; the reason if they cannot be. */
function writeOpen(open, graphAt) {
  if (open.length === 0) return {};
  try {
    return { bytes: serializeOpen(open, graphAt) };
  } catch (error) {
    return { closed: error.message };
  }
}

const [out, ...names] = process.argv.slice(2);
for (const name of names.length > 0 ? names : readdirSync(out).sort()) {
  const folder = join(out, name);
  if (!existsSync(join(folder, "case.json"))) continue;
  let result;
  try {
    result = await check(folder);
  } catch (error) {
    result = { verdict: "refused", reason: error.message, stack: error.stack };
  }
  writeFileSync(join(folder, "result.json"), JSON.stringify(result));
  const { verdict, reason, closed, results, unknown, missing } = result;
  console.log(`${name}: ${verdict} ${reason ?? ""}`);
  for (const { batch, error, lossError, float32Error, worst, forgotten } of results ?? [])
    console.log(
      `  batch ${batch}: error ${error.toExponential(1)} (PyTorch ${float32Error.toExponential(1)}), loss ${lossError.toExponential(1)}, ${worst}${forgotten.length > 0 ? ` FORGOTTEN ${forgotten}` : ""}`,
    );
  if (closed) console.log(`  CLOSED ${closed}`);
  if (unknown?.length > 0) console.log(`  UNKNOWN ${unknown}`);
  if (missing?.length > 0) console.log(`  MISSING ${missing}`);
}
