/// <reference lib="dom" />
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  constant,
  flatten,
  globalAveragePool,
  input,
  matMul,
  softmax,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import { parseModel, serialize } from "@softmax-bench/onnx";
import { env, InferenceSession, Tensor } from "onnxruntime-web";
import { type Browser, chromium, type Page } from "playwright-core";
import { build, preview } from "vite";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import {
  type Batch,
  type Data,
  generateImages,
  imageData,
  textData,
} from "../../../examples/train-in-the-tab/data.js";
import { openPage } from "../../host-browser/test/support/open-page.js";
import { followReadme } from "./follow-readme.js";
import { ROOT } from "./root.js";

const EXAMPLE = join(ROOT, "examples", "train-in-the-tab");

/** Debian's. */
const CHROMIUM = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";
const whyNoBrowser = existsSync(CHROMIUM)
  ? undefined
  : `chromium is unavailable: there is no ${CHROMIUM} (apt-get install chromium, or set CHROMIUM_PATH)`;

/** Chromium's own GPU in software. As root, and in containers, there is no sandbox to be had. */
const FLAGS = [
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--ignore-gpu-blocklist",
  "--use-webgpu-adapter=swiftshader",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
];

if (whyNoBrowser) {
  it.skipIf(!process.env.CI)(whyNoBrowser, () => expect.fail(whyNoBrowser));
}

let browser: Browser;
beforeAll(async () => {
  if (!whyNoBrowser) browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
});
afterAll(async () => await browser?.close());

/** Serves what is built in a folder. */
async function serve(root: string): Promise<{ address: string; close: () => Promise<void> }> {
  const server = await preview({ root, logLevel: "silent", preview: { host: "127.0.0.1", port: 0 } });
  const [address = expect.fail("the page is not served")] = server.resolvedUrls?.local ?? [];
  return { address, close: () => server.close() };
}

/** Counts the bytes that a page reads from the memory of a GPU. */
const COUNT_READS = `
  globalThis.bytesRead = 0;
  const { GPUBuffer, GPUMapMode } = globalThis;
  if (GPUBuffer) {
    const { mapAsync } = GPUBuffer.prototype;
    GPUBuffer.prototype.mapAsync = function (mode, ...range) {
      if (mode === GPUMapMode.READ) globalThis.bytesRead += this.size;
      return mapAsync.call(this, mode, ...range);
    };
  }`;

interface Opened {
  readonly page: Page;
  /** Closes it, and fails if it complained about something, or asked another server. */
  close(): Promise<void>;
}

/** Opens the page as a user does. */
async function open(address: string): Promise<Opened> {
  const context = await browser.newContext();
  // A test has a time limit of its own.
  context.setDefaultTimeout(0);
  const page = await context.newPage();
  await page.addInitScript(COUNT_READS);
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(address)) {
      complaints.push(`asked for ${request.url()}`);
    }
  });
  await openPage(page, address, "#train");
  return {
    page,
    close: async () => {
      await context.close();
      expect(complaints).toEqual([]);
    },
  };
}

interface UserFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

interface Choices {
  /** One of the models of the page, or a file. */
  readonly model: string | UserFile;
  /** A file, or what was dropped. Default: the data of the page. */
  readonly data?: UserFile | "dropped";
  readonly provider?: "wasm" | "webgpu";
  readonly batch?: number;
  readonly steps?: number;
}

/** Fills in the form, starts and waits for the end. @returns what went wrong: "" if nothing did */
async function train(
  page: Page,
  { model, data, provider = "wasm", batch = 16, steps = 1 }: Choices,
): Promise<string> {
  const choose = (field: string, files: readonly UserFile[]) => {
    const mimeType = "application/octet-stream";
    return page.setInputFiles(
      field,
      files.map(({ name, bytes }) => ({ name, mimeType, buffer: Buffer.from(bytes) })),
    );
  };
  if (typeof model === "string") await page.selectOption("#model", model);
  else await choose("#model-file", [model]);
  if (data !== "dropped") await choose("#data-file", data ? [data] : []);
  await page.selectOption("#provider", provider);
  await page.fill("#batch", String(batch));
  await page.fill("#steps", String(steps));
  await page.click("#train");
  await page.locator("#status:has-text('Trained:'), #problem:not(:empty)").first().waitFor();
  return (await page.textContent("#problem")) ?? "";
}

/** Drops a file somewhere on the page. */
const dropText = (page: Page, name: string, text: string): Promise<void> =>
  page.evaluate(
    (dropped) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([dropped.text], dropped.name));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    },
    { name, text },
  );

const textOf = async (page: Page, id: string): Promise<string> => (await page.textContent(`#${id}`)) ?? "";
const numberOf = async (page: Page, id: string): Promise<number> => Number.parseFloat(await textOf(page, id));

interface Example {
  readonly model: string;
  readonly input: "float32" | "int64";
  readonly batch: number;
  readonly steps: number;
  /** The loss of guesses. */
  readonly before: number;
  /** The largest loss after training. */
  readonly after: number;
  readonly makeData: (batch: number) => Data;
}

const EXAMPLES: readonly Example[] = [
  {
    model: "resnet-8.onnx",
    input: "float32",
    batch: 8,
    steps: 30,
    before: Math.log(10),
    after: 1.8,
    makeData: (batch) => imageData(generateImages(), batch),
  },
  {
    model: "characters.onnx",
    input: "int64",
    batch: 8,
    steps: 30,
    before: Math.log(64),
    after: 3,
    makeData: (batch) =>
      textData(readFileSync(join(EXAMPLE, "alice.txt"), "utf8"), { batch, length: 32, vocabulary: 64 }),
  },
];

/** Downloads the trained model, as a user does. */
async function download(page: Page): Promise<UserFile> {
  const [file] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  return { name: file.suggestedFilename(), bytes: new Uint8Array(readFileSync(await file.path())) };
}

/** The mean cross-entropy of rows of logits, in doubles. */
function crossEntropy(logits: Float32Array, labels: Int32Array): number {
  const classes = logits.length / labels.length;
  const losses = Array.from(labels, (label, row) => {
    const scores = Array.from(logits.subarray(row * classes, (row + 1) * classes));
    const largest = Math.max(...scores);
    const sum = scores.reduce((total, score) => total + Math.exp(score - largest), 0);
    return Math.log(sum) + largest - (scores[label] as number);
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

/** The loss of a model in ONNX Runtime, without anything of this project. */
async function lossOf(bytes: Uint8Array, { input: dtype, batch, makeData }: Example): Promise<number> {
  env.wasm.numThreads = 1;
  const session = await InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  const [input = "", output = ""] = [...session.inputNames, ...session.outputNames];
  const tensorOf = ({ input: numbers }: Batch) =>
    dtype === "int64"
      ? new Tensor("int64", BigInt64Array.from(numbers, BigInt), [batch, numbers.length / batch])
      : new Tensor("float32", numbers as Float32Array, [batch, 3, 32, 32]);
  const { heldOut } = makeData(batch);
  let sum = 0;
  for (const of of heldOut) {
    const outputs = await session.run({ [input]: tensorOf(of) });
    sum += crossEntropy(outputs[output]?.data as Float32Array, of.labels);
  }
  await session.release();
  return sum / heldOut.length;
}

const parametersOf = (bytes: Uint8Array): string[] =>
  [...parseModel(bytes).choices].filter(([, { isParameter }]) => isParameter).map(([name]) => name);

/** The names of floating-point tensors whose numbers differ. */
function changedTensors(before: Uint8Array, after: Uint8Array): string[] {
  const [old, now] = [before, after].map((bytes) => {
    const { choices, initializers } = parseModel(bytes);
    return new Map(Array.from(choices.keys(), (name) => [name, String(initializers.get(name)?.read().data)]));
  });
  return [...(old ?? [])].filter(([name, numbers]) => now?.get(name) !== numbers).map(([name]) => name);
}

interface Trained {
  /** The loss of what is kept out of training. */
  readonly loss: number;
  /** The rise of its accuracy, in percent. */
  readonly gained: number;
  /** Bytes read from a GPU in training. */
  readonly bytesRead: number;
}

/** Trains a model of the page, downloads it, and opens the file in the page again. */
async function trainAndReopen(page: Page, example: Example, provider: "wasm" | "webgpu"): Promise<Trained> {
  const { model, batch, steps } = example;
  await page.evaluate("bytesRead = 0");
  expect(await train(page, { model, batch, steps, provider })).toBe("");
  expect(await textOf(page, "status")).toMatch(
    new RegExp(`^Trained: ${steps} of ${steps} steps on ${provider}, [\\d.]+ a second$`),
  );
  // The chart's line has a point for each step.
  const line = await page.locator("#chart [aria-label='line'] path").getAttribute("d");
  expect(line?.match(/[ML]/g)).toHaveLength(steps);
  expect(Math.abs((await numberOf(page, "before-loss")) - example.before)).toBeLessThan(0.7);
  const shown = await textOf(page, "after-loss");
  const gained = (await numberOf(page, "after-accuracy")) - (await numberOf(page, "before-accuracy"));
  const bytesRead = await page.evaluate<number>("bytesRead");

  const file = await download(page);
  expect(file.name).toBe(model.replace(".onnx", ".trained.onnx"));
  const original = new Uint8Array(readFileSync(join(EXAMPLE, model)));
  expect(file.bytes).toHaveLength(original.length);
  expect(changedTensors(original, file.bytes)).toEqual(parametersOf(original));
  expect(await lossOf(file.bytes, example)).toBeCloseTo(Number(shown), 3);

  expect(await train(page, { model: file, batch, steps: 1, provider })).toBe("");
  expect(await textOf(page, "before-loss")).toBe(shown);
  return { loss: Number(shown), gained, bytesRead };
}

/** A model of images with logits of some classes, as a file. */
function modelFile(name: string, logitsOf: (features: Value) => Value): UserFile {
  const images = input("images", "float32", [4, 3, 32, 32]);
  const logits = logitsOf(flatten(globalAveragePool(images)));
  return { name, bytes: serialize({ name: "small", inputs: [images], outputs: { logits } }) };
}

const dense = (features: Value, classes: number): Value =>
  matMul(features, constant(tensor("float32", [3, classes], Array.from({ length: 3 * classes }, Math.sin))));

const otherInput = input("x", "float32", [2, 4]);

/** Files that are not what the page trains, or trains on; and what it says of them. */
const WRONG_FILES: readonly (readonly [what: string, choices: Choices, problem: RegExp])[] = [
  [
    "what is no model",
    { model: { name: "notes.onnx", bytes: new TextEncoder().encode("not a model") } },
    /^notes\.onnx: the file is not an ONNX model: /,
  ],
  [
    "a model of something else",
    {
      model: {
        name: "other.onnx",
        bytes: serialize({ name: "other", inputs: [otherInput], outputs: { y: softmax(otherInput, 1) } }),
      },
    },
    /^other\.onnx: expected images float32\[N,3,32,32\] or tokens int64\[N,T\] as the only input, and logits as the only output; got input "x" float32\[2,4\], output "y"$/,
  ],
  [
    "logits of too few classes",
    { model: modelFile("five.onnx", (features) => dense(features, 5)) },
    /^five\.onnx: expected logits float32\[4,C\] of 10 classes or more, got float32\[4,5\] as "logits"$/,
  ],
  [
    "probabilities in place of logits",
    { model: modelFile("softmax.onnx", (features) => softmax(dense(features, 10), 1)) },
    /^softmax\.onnx: "logits" comes out of Softmax, and the loss takes logits: /,
  ],
  [
    "images that are not CIFAR-10's",
    { model: "resnet-8.onnx", data: { name: "cat.jpg", bytes: new Uint8Array(5000) } },
    /^cat\.jpg: expected a batch file of CIFAR-10's binary version, 3073 bytes for each image, got 5000 bytes$/,
  ],
  [
    "a text of a few words",
    { model: "characters.onnx", data: { name: "short.txt", bytes: new TextEncoder().encode("Hello") } },
    /^short\.txt: expected a text of 330 characters or more, got 5$/,
  ],
  [
    "bytes that are not text",
    { model: "characters.onnx", data: { name: "cat.jpg", bytes: Uint8Array.of(255, 216, 255, 224) } },
    /^cat\.jpg: expected a text in UTF-8, as the model takes tokens$/,
  ],
];

function expectNoTypeErrors(folder: string): void {
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" });
  expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
}

describe.skipIf(whyNoBrowser)("examples/train-in-the-tab, built from this checkout", () => {
  let page: Page;
  beforeAll(async () => {
    const reports = join(ROOT, "packages", "repository", "reports");
    mkdirSync(reports, { recursive: true });
    // What is imported there is found as in this package.
    const folder = mkdtempSync(join(reports, "train-in-the-tab-"));
    const filter = (path: string) => !/node_modules|dist/.test(path.slice(EXAMPLE.length));
    cpSync(EXAMPLE, folder, { recursive: true, filter });
    expectNoTypeErrors(folder);
    await build({ root: folder, logLevel: "error" });
    const server = await serve(folder);
    const opened = await open(server.address);
    page = opened.page;
    return async () => {
      await opened.close();
      await server.close();
      rmSync(folder, { recursive: true });
    };
  });

  const expectTrained = async (example: Example) => {
    const { loss, gained } = await trainAndReopen(page, example, "wasm");
    expect(loss).toBeLessThan(example.after);
    expect(gained).toBeGreaterThan(10);
  };
  const claim = "trains $model on wasm, and its file has the trained loss";
  const isOfText = ({ input: dtype }: Example) => dtype === "int64";
  it.each(EXAMPLES.filter(isOfText))(claim, expectTrained);
  it.each(EXAMPLES.filter((example) => !isOfText(example)))(claim, { tags: "nightly" }, expectTrained);

  it("trains on a user's images and text until it is stopped", { tags: "nightly" }, async () => {
    const images = { name: "data_batch_1.bin", bytes: generateImages(100, 7) };
    expect(await train(page, { model: "resnet-8.onnx", data: images, batch: 4 })).toBe("");
    await dropText(page, "notes.txt", "To be, or not to be: naïve? ".repeat(20));
    expect(await train(page, { model: "characters.onnx", data: "dropped", batch: 4 })).toBe("");
    await page.fill("#steps", "100000");
    await page.click("#train");
    await page.waitForFunction("document.querySelector('#last-loss').textContent !== ''");
    await page.click("#stop");
    await page.locator("#status:has-text('Trained:')").waitFor();
    expect(await textOf(page, "status")).toMatch(/^Trained: \d{1,4} of 100000 steps on wasm/);
  });

  it("refuses what it cannot train, each in one line", async () => {
    const said: string[][] = [];
    for (const [what, choices] of WRONG_FILES) said.push([what, await train(page, choices)]);
    expect(said).toEqual(WRONG_FILES.map(([what, , problem]) => [what, expect.stringMatching(problem)]));
    expect(await page.isEnabled("#train")).toBe(true);
    expect(await page.isEnabled("#download")).toBe(false);
  });
});

describe.skipIf(whyNoBrowser)("examples/train-in-the-tab, built as its README says", () => {
  it("trains both models on WebGPU as on wasm, and their files have the trained losses", {
    tags: "nightly",
  }, async () => {
    const { copy } = followReadme("train-in-the-tab");
    expectNoTypeErrors(copy);
    const server = await serve(copy);
    onTestFinished(server.close);
    const { page, close } = await open(server.address);
    for (const example of EXAMPLES) {
      // Chromium's GPU in software takes seconds for a step.
      const few = { ...example, batch: 2, steps: 3 };
      const onWasm = await trainAndReopen(page, few, "wasm");
      const onWebgpu = await trainAndReopen(page, few, "webgpu");
      expect(onWebgpu.loss).toBeCloseTo(onWasm.loss, 2);
      // Losses and logits are read, weights are not.
      expect(onWebgpu.bytesRead).toBeGreaterThan(0);
      expect(onWebgpu.bytesRead).toBeLessThan(readFileSync(join(EXAMPLE, example.model)).length);
    }
    await close();
  });
});
