import { parseModel, writeBack } from "@softmax-bench/onnx";
import alice from "./alice.txt?raw";
import charactersModel from "./characters.onnx?url";
import { drawLosses } from "./chart.ts";
import { type Batch, type Data, FileError, generateImages, imageData, textData } from "./data.ts";
import resnetModel from "./resnet-8.onnx?url";
import { loadRuntime } from "./runtime.ts";
import { type Task, taskOf } from "./task.ts";
import { type Provider, startTraining } from "./train.ts";

const MODELS: ReadonlyMap<string, string> = new Map([
  ["resnet-8.onnx", resnetModel],
  ["characters.onnx", charactersModel],
]);

/** Milliseconds between two updates of the page. */
const UPDATE_MS = 100;
/** Steps that the numbers of the last steps are the mean of. */
const LAST_STEPS = 10;

function find<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new Error(`the page has no ${type.name} with the id ${id}`);
}

const chosen = {
  model: find("model", HTMLSelectElement),
  modelFile: find("model-file", HTMLInputElement),
  dataFile: find("data-file", HTMLInputElement),
  provider: find("provider", HTMLSelectElement),
  batch: find("batch", HTMLInputElement),
  steps: find("steps", HTMLInputElement),
  learningRate: find("learning-rate", HTMLInputElement),
};
const buttons = {
  train: find("train", HTMLButtonElement),
  stop: find("stop", HTMLButtonElement),
  download: find("download", HTMLButtonElement),
};
const [problem, status] = [find("problem", HTMLElement), find("status", HTMLElement)];
const chart = find("chart", HTMLElement);

type Training = Awaited<ReturnType<typeof startTraining>>;

interface Trained {
  readonly name: string;
  /** The model as it was before. */
  readonly bytes: Uint8Array;
  readonly training: Training;
}

let trained: Trained | undefined;
let isStopped = false;

async function train(): Promise<void> {
  for (const cell of document.querySelectorAll("tbody td")) cell.textContent = "";
  chart.replaceChildren();
  status.textContent = "Making the training graph …";
  const before = trained;
  trained = undefined;
  await before?.training.release();
  const provider = chosen.provider.value as Provider;
  const { name, bytes } = await readModel();
  const model = await nameIn(name, () => parseModel(bytes));
  const task = await nameIn(name, () => taskOf(model, chosen.batch.valueAsNumber));
  const data = await readData(task);
  const runtime = await loadRuntime(provider);
  const training = await nameIn(name, () => startTraining(runtime, provider, model, task.sizes));
  try {
    await runSteps(training, task, data);
  } catch (error) {
    await training.release();
    throw error;
  }
  status.textContent = `Trained: ${status.textContent}`;
  trained = { name, bytes, training };
}

/** Trains until there are enough steps or the user stops it, and shows what comes of it. */
async function runSteps(training: Training, task: Task, data: Data): Promise<void> {
  const [learningRate, count] = [chosen.learningRate.valueAsNumber, chosen.steps.valueAsNumber];
  const feedsOf = ({ input, labels }: Batch) => ({
    [task.input]: input,
    labels,
    learning_rate: [learningRate],
  });
  const evaluate = async (): Promise<Score> => {
    const heldOut: Score[] = [];
    for (const batch of data.heldOut) {
      heldOut.push(scoreOf(await training.evaluate(feedsOf(batch)), task, batch));
    }
    return meanOf(heldOut);
  };

  show("before", await evaluate());
  const scores: Score[] = [];
  const start = performance.now();
  let updated = start;
  do {
    const batch = data.next();
    const score = scoreOf(await training.step(feedsOf(batch)), task, batch);
    scores.push(score);
    if (!Number.isFinite(score.loss)) {
      throw new Error(`the loss is ${score.loss} in step ${scores.length}: choose a smaller learning rate`);
    }
    if (performance.now() - updated < UPDATE_MS) continue;
    update(scores, count, performance.now() - start);
    await yieldToPage();
    updated = performance.now();
  } while (scores.length < count && !isStopped);
  update(scores, count, performance.now() - start);
  show("after", await evaluate());
}

/** Shows the steps so far. */
function update(scores: readonly Score[], count: number, milliseconds: number): void {
  const perSecond = (1000 * scores.length) / milliseconds;
  status.textContent = `${scores.length} of ${count} steps on ${chosen.provider.value}, ${perSecond.toPrecision(3)} a second`;
  show("last", meanOf(scores.slice(-LAST_STEPS)));
  const losses = scores.map(({ loss }) => loss);
  drawLosses(chart, losses);
}

interface Score {
  readonly loss: number;
  readonly accuracy: number;
}

type Outputs = Awaited<ReturnType<Training["step"]>>;

function scoreOf(outputs: Outputs, { logits }: Task, { labels }: Batch): Score {
  const dataOf = (name: string) => (outputs[name]?.data ?? new Float32Array()) as Float32Array;
  return { loss: dataOf("loss")[0] ?? Number.NaN, accuracy: accuracyOf(dataOf(logits), labels) };
}

async function readModel(): Promise<{ readonly name: string; readonly bytes: Uint8Array }> {
  const [file] = chosen.modelFile.files ?? [];
  const name = file?.name ?? chosen.model.value;
  const source = file ?? (await fetch(MODELS.get(name) ?? name));
  return { name, bytes: new Uint8Array(await source.arrayBuffer()) };
}

/** The user's file, or else the data that come with the page. */
async function readData({ kind, batch, length, classes }: Task): Promise<Data> {
  const [file] = chosen.dataFile.files ?? [];
  if (kind === "images") {
    const records = file ? new Uint8Array(await file.arrayBuffer()) : generateImages();
    return nameIn(file?.name, () => imageData(records, batch));
  }
  const text = file ? await nameIn(file.name, () => readText(file)) : alice;
  return nameIn(file?.name, () => textData(text, { batch, length, vocabulary: classes }));
}

async function readText(file: File): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new FileError("expected a text in UTF-8, as the model takes tokens");
  }
}

/** Does something with a file. What is thrown begins with the file's name. */
async function nameIn<T>(name: string | undefined, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (name === undefined) throw error;
    throw new FileError(`${name}: ${messageOf(error)}`);
  }
}

/** The first line of a message: ONNX Runtime's may have several. */
const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";

/** The share of rows whose largest logit is the label's. */
function accuracyOf(logits: Float32Array, labels: Int32Array): number {
  const classes = logits.length / labels.length;
  const isRight = (label: number, row: number): boolean => {
    const scores = logits.subarray(row * classes, (row + 1) * classes);
    return scores[label] === Math.max(...scores);
  };
  return labels.filter(isRight).length / labels.length;
}

const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

const meanOf = (scores: readonly Score[]): Score => ({
  loss: mean(scores.map(({ loss }) => loss)),
  accuracy: mean(scores.map(({ accuracy }) => accuracy)),
});

function show(row: "last" | "before" | "after", { loss, accuracy }: Score): void {
  find(`${row}-loss`, HTMLElement).textContent = loss.toFixed(4);
  find(`${row}-accuracy`, HTMLElement).textContent = `${(100 * accuracy).toFixed(1)} %`;
}

/** Lets the page show what changed and handle clicks. Timers would take longer in a tab in the background. */
const yieldToPage = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve();
    port2.postMessage(undefined);
  });

async function download({ name, bytes, training }: Trained): Promise<void> {
  const written = new Uint8Array(writeBack(bytes, await training.weights()));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([written]));
  link.download = name.replace(/(\.onnx)?$/, ".trained.onnx");
  link.click();
  // The download may begin later than the click ends.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Does what a button is for. What goes wrong is shown in one line. */
async function attempt(work: () => Promise<void>): Promise<void> {
  problem.textContent = "";
  for (const control of [...Object.values(chosen), buttons.train, buttons.download]) control.disabled = true;
  try {
    await work();
  } catch (error) {
    problem.textContent = messageOf(error);
    status.textContent = "";
  }
  for (const control of [...Object.values(chosen), buttons.train]) control.disabled = false;
  buttons.stop.disabled = true;
  buttons.download.disabled = !trained;
}

find("settings", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  isStopped = false;
  buttons.stop.disabled = false;
  void attempt(train);
});
buttons.stop.addEventListener("click", () => {
  isStopped = true;
});
buttons.download.addEventListener("click", () => {
  const model = trained;
  if (model) void attempt(() => download(model));
});
// The model chosen last is trained.
chosen.model.addEventListener("change", () => {
  chosen.modelFile.value = "";
});

// Files may be dropped anywhere.
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  const files = event.dataTransfer?.files ?? null;
  const field = files?.[0]?.name.endsWith(".onnx") ? chosen.modelFile : chosen.dataFile;
  if (!field.disabled) field.files = files;
});

const webgpu = find("webgpu", HTMLOptionElement);
if (await navigator.gpu?.requestAdapter()) {
  webgpu.disabled = false;
  webgpu.text = "webgpu";
}
