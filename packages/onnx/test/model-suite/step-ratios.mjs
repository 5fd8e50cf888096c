// Times steps of training in ONNX Runtime and in PyTorch, process after process, and writes docs/onnx-steps.md:
// node step-ratios.mjs <folder of step_pytorch.py export> --program <apps/runner/dist/main.js> [--blocks <n>] [--seconds <s>] [--threads <n,…>] [--python <file>] [<network>…]
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { markdownTable } from "markdown-table";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const DOCUMENT = here("../../../../docs/onnx-steps.md");
/** Its export is timed, and it is not trained. */
const EXPORTED = "bert-base";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    blocks: { type: "string", default: "3" },
    threads: { type: "string", default: "1,2" },
    seconds: { type: "string", default: "3" },
    python: { type: "string", default: "python3" },
    /** The command line that exports steps. */
    program: { type: "string" },
  },
});
const [out, ...names] = positionals;
const networks =
  names.length > 0
    ? names
    : readdirSync(out).filter((name) => name !== EXPORTED && existsSync(join(out, name, "batch.json")));

const median = (numbers) => {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

function run(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr.slice(-2000)}`);
  return stdout;
}

/** Exports a step, and returns how many seconds the command took. */
function exportStep(name) {
  const [model, step] = ["model.onnx", "step.onnx"].map((file) => join(out, name, file));
  const start = performance.now();
  run("node", [values.program, "export", "--model", model, "--optimizer", "sgd", "--out", step]);
  return (performance.now() - start) / 1000;
}

const MEASURE = {
  runtime: (name, threads) => [
    "node",
    [here("step-runtime.mjs"), join(out, name), `${threads}`, values.seconds],
  ],
  pytorch: (name, threads) => [
    values.python,
    [here("step_pytorch.py"), "time", name, `${threads}`, values.seconds],
  ],
};

/** One process: the medians of its steps, and its memory. */
function measure(side, name, threads) {
  const { times, processor, losses, peakMB } = JSON.parse(
    run(...MEASURE[side](name, threads))
      .trim()
      .split("\n")
      .at(-1),
  );
  return { ms: median(times), processor: median(processor), loss: losses[0], peakMB };
}

/** A ratio of the two processes of each side: ONNX Runtime, PyTorch, PyTorch, ONNX Runtime, or the other way round. */
function block(name, threads, index) {
  const [a, b] = index % 2 === 0 ? ["runtime", "pytorch"] : ["pytorch", "runtime"];
  const measured = { runtime: [], pytorch: [] };
  for (const side of [a, b, b, a]) measured[side].push(measure(side, name, threads));
  const { runtime, pytorch } = measured;
  const difference = Math.abs(runtime[0].loss - pytorch[0].loss);
  if (!(difference <= 1e-3 * Math.max(1, Math.abs(pytorch[0].loss))))
    throw new Error(`${name}: the first loss is ${runtime[0].loss}, PyTorch's is ${pytorch[0].loss}`);
  const ratio = (of) => Math.sqrt((runtime[0][of] * runtime[1][of]) / (pytorch[0][of] * pytorch[1][of]));
  return { ...measured, time: ratio("ms"), processor: ratio("processor"), memory: ratio("peakMB") };
}

const range = (numbers) =>
  `${median(numbers).toFixed(2)} (${Math.min(...numbers).toFixed(2)} to ${Math.max(...numbers).toFixed(2)})`;

function rowOf(name, threads) {
  const blocks = Array.from({ length: Number(values.blocks) }, (_, index) => block(name, threads, index));
  const of = (side, what) =>
    median(blocks.flatMap(({ [side]: runs }) => runs.map(({ [what]: value }) => value)));
  const row = [
    name,
    `${threads}`,
    of("runtime", "ms").toFixed(0),
    of("pytorch", "ms").toFixed(0),
    range(blocks.map(({ time }) => time)),
    range(blocks.map(({ processor }) => processor)),
    of("runtime", "peakMB").toFixed(0),
    of("pytorch", "peakMB").toFixed(0),
    range(blocks.map(({ memory }) => memory)),
  ];
  console.log(row.join("  "));
  return { row, time: median(blocks.map(({ time }) => time)) };
}

const isExported = existsSync(join(out, EXPORTED, "model.onnx"));
const seconds = isExported ? Array.from({ length: 5 }, () => exportStep(EXPORTED)) : [];
if (isExported) console.log(`export of ${EXPORTED}: ${range(seconds)} s`);
for (const name of networks) exportStep(name);
const rows = networks.flatMap((name) => values.threads.split(",").map((threads) => rowOf(name, threads)));

const HEADS = [
  "network",
  "threads",
  "ms",
  "PyTorch ms",
  "time ratio",
  "processor ratio",
  "MB",
  "PyTorch MB",
  "memory ratio",
];
const { batches } = JSON.parse(run(values.python, [here("step_pytorch.py"), "list"]));
const processors = cpus();
writeFileSync(
  DOCUMENT,
  `# Steps of training, next to PyTorch

A whole step of training – forward, backward and an update by SGD – of the model that \`pnpm export --optimizer sgd\` writes, in
onnxruntime-node, and of the same network in PyTorch 2.15 as it is, without \`torch.compile\`. Written by \`pnpm step-ratios\` in
\`packages/onnx\` on ${new Date().toISOString().slice(0, 10)} (${processors.length} × ${processors[0].model}).

- Each process takes one network and one side, warms up with two steps and then times steps for ${values.seconds} s. A block is four
  processes: one side, the other twice, and the first again. A ratio of a block is that of the geometric means, ONNX Runtime over
  PyTorch. The tables have the median of ${values.blocks} blocks with their range.
- **processor**: time of all threads of the process, which other programs on the machine disturb less.
- **MB**: the largest resident set of the process. PyTorch with the libraries of models has about 400 MB of it before the first step.
- Both sides have one batch, the same weights and, to 0.1 %, the same first loss. Networks are in evaluation mode, as exporters
  write them, so that PyTorch's exporter merges batch normalisations into convolutions; \`resnet50-training\` normalises by the batch.

${markdownTable([HEADS, ...rows.map(({ row }) => row)])}

The median of all time ratios is ${median(rows.map(({ time }) => time)).toFixed(2)}.
${isExported ? `\nThe command \`export\` takes ${range(seconds)} s for ${EXPORTED}, all processes of it included, in five runs.\n` : ""}
| network | rows of a batch |
| ------- | --------------- |
${networks.map((name) => `| ${name} | ${batches[name]} |`).join("\n")}
`,
);
