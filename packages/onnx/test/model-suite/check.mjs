// Makes the training graph of each exported model, runs it in ONNX Runtime, and compares its gradients with PyTorch's.
// Usage: node check.mjs <folder of export.py> [<kind>…]; it writes `result.json` beside each model.
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inputName, legalize, optimize } from "@softmax-bench/graph";
import { gradientName, ONNXRUNTIME_CPU, serialize, serializeOpen, trainingGraph } from "@softmax-bench/onnx";
import { loadModel } from "@softmax-bench/onnx/node";
import { InferenceSession, Tensor } from "onnxruntime-node";

/** The largest errors that rounding explains; networks that magnify it a million times are among the models. */
const TOLERANCE = { float32: 1e-4, float64: 1e-7 };
/** Beyond this change of PyTorch's gradients by rounding to float32, nothing can be told in float32. */
const SMOOTH = 1e-5;

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  bool: Uint8Array,
};

/** The arrays that `export.py` wrote. */
class Arrays {
  #file;

  constructor(path) {
    this.#file = openSync(path);
  }

  read({ dtype, shape, offset }) {
    const array = new ARRAYS[dtype](shape.reduce((size, axis) => size * axis, 1));
    const read = readSync(this.#file, array, 0, array.byteLength, offset);
    if (read !== array.byteLength)
      throw new Error(`data.bin ends after ${read} of ${array.byteLength} bytes at ${offset}: export again`);
    return array;
  }

  close() {
    closeSync(this.#file);
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

const graphOf = (model, sizes) =>
  legalize(optimize(trainingGraph(model.graph(sizes)), { fold: false }), ONNXRUNTIME_CPU);

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

/**
 * Runs a training graph on the inputs of a case.
 *
 * @param written the bytes of the graph
 * @param wanted the gradients of PyTorch
 */
async function compare(written, { model, arrays, inputs, labels, loss, gradients: wanted }) {
  const isDouble = Object.values(wanted).some(({ dtype }) => dtype === "float64");
  const session = await InferenceSession.create(written, {
    logSeverityLevel: 4,
    intraOpNumThreads: 1,
    // Beyond "basic", a scale in float64 may be fused into a product as a float32.
    graphOptimizationLevel: isDouble ? "basic" : "all",
  });
  const feed = (of) => new Tensor(of.dtype, arrays.read(of), of.shape);
  const feeds = Object.fromEntries(
    session.inputNames.map((name) => {
      const stored = model.initializers.get(name)?.read();
      if (stored) return [name, new Tensor(stored.dtype, stored.data, stored.shape)];
      return [name, feed(name === "labels" ? labels : inputs[name])];
    }),
  );
  const outputs = await session.run(feeds);
  await session.release();
  const gradients = Object.fromEntries(Object.entries(wanted).map(([name, of]) => [name, arrays.read(of)]));
  const errors = errorsOf(outputs, gradients).sort((a, b) => b.error - a.error);
  const isForgotten = ([name, gradient]) =>
    !outputs[gradientName(name)] && norm(gradient) > 0 && !model.choices.get(name)?.tie;
  return {
    lossError: Math.abs(outputs.loss.data[0] - loss) / Math.max(Math.abs(loss), 1),
    compared: errors.length,
    error: errors[0]?.error ?? 0,
    worst: errors.slice(0, 4).map(({ name, error }) => `${name} ${error.toExponential(1)}`),
    forgotten: Object.entries(gradients)
      .filter(isForgotten)
      .map(([name]) => name),
  };
}

const isWithin = ({ error, lossError, forgotten }, tolerance) =>
  Math.max(error, lossError) <= tolerance && forgotten.length === 0;

/** In float64 where rounding to float32 changes the gradients; undefined if not all of them are there in float64. */
function isRight({ rounding, double, ...single }) {
  if (rounding <= SMOOTH) return isWithin(single, TOLERANCE.float32);
  if (!double || double.compared < single.compared) return undefined;
  return isWithin(double, TOLERANCE.float64);
}

async function check(folder) {
  const described = JSON.parse(readFileSync(join(folder, "case.json"), "utf8"));
  const arrays = new Arrays(join(folder, "data.bin"));
  try {
    return await checkCases(folder, described, arrays);
  } finally {
    arrays.close();
  }
}

async function checkCases(folder, { cases, missing }, arrays) {
  const model = loadModel(join(folder, "model.onnx"));
  const open = openSizes(model);
  const first = graphOf(model, sizesOf(model, cases[0].inputs));
  const { bytes, closed } = writeOpen(open, (sizes) => graphOf(model, sizes));
  const results = [];
  for (const { batch, double, rounding, ...given } of cases) {
    const written = bytes ?? serialize(graphOf(model, sizesOf(model, given.inputs)));
    results.push({
      batch,
      rounding,
      ...(await compare(written, { model, arrays, ...given })),
      ...(double && { double: await compareDouble(folder, arrays, { ...given, ...double }) }),
    });
  }
  const trained = first.inputs.map(inputName).filter((name) => model.initializers.has(name));
  const verdicts = results.map(isRight);
  return {
    verdict: verdicts.includes(false) ? "wrong" : verdicts.includes(undefined) ? "undecided" : "right",
    open: closed ? [] : open,
    closed,
    trained: trained.length,
    unknown: trained.filter((name) => !(name in cases[0].gradients)),
    missing,
    results,
  };
}

/** The same network in float64, whose sizes are those of the case. */
function compareDouble(folder, arrays, given) {
  const model = loadModel(join(folder, "double.onnx"));
  return compare(serialize(graphOf(model, sizesOf(model, given.inputs))), { model, arrays, ...given });
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

const shown = ({ error, lossError, worst, forgotten }) =>
  `error ${error.toExponential(1)}, loss ${lossError.toExponential(1)}, ${worst}${forgotten.length > 0 ? ` FORGOTTEN ${forgotten}` : ""}`;

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
  for (const { batch, rounding, double, ...single } of results ?? []) {
    console.log(
      `  batch ${batch}: ${shown(single)} (rounding changes the exporter's by ${rounding.toExponential(1)})`,
    );
    if (double) console.log(`    in float64: ${shown(double)}`);
  }
  if (closed) console.log(`  CLOSED ${closed}`);
  if (unknown?.length > 0) console.log(`  UNKNOWN ${unknown}`);
  if (missing?.length > 0) console.log(`  MISSING ${missing}`);
}
