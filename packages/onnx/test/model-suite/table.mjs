// Writes the results of check.mjs into docs/onnx-models.md: node table.mjs <folder of export.py>
// Rows of kinds that the folder has no results of stay as they are.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { markdownTable } from "markdown-table";

const DOCUMENT = new URL("../../../../docs/onnx-models.md", import.meta.url);
const FAMILIES = ["text", "image", "segmentation", "audio", "recurrent", "other"];
const HEADS = [
  "model",
  "exporter",
  "verdict",
  "open sizes",
  "error",
  "rounding",
  "float64",
  "parameters",
  "reason",
];
const [out] = process.argv.slice(2);

const readJson = (file) => JSON.parse(readFileSync(file, "utf8"));

/** The largest of some numbers, as far as there are any. */
function largest(numbers) {
  const known = numbers.filter((number) => number !== undefined);
  return known.length === 0 ? "" : Math.max(...known).toExponential(1);
}

function rowOf({ name, exporter, verdict, reason, results = [], open, closed, parameters, missing }) {
  const cells = {
    model: name,
    exporter,
    verdict,
    // Exporters other than PyTorch's name the batch by themselves, and leave nothing else open.
    "open sizes":
      verdict === "refused" ? "" : closed ? "none" : open.length === 1 ? "batch" : open.join(", ") || "none",
    error: largest(results.map(({ error }) => error)),
    rounding: largest(results.map(({ rounding }) => rounding)),
    float64: largest(results.map(({ double }) => double?.error)),
    parameters: `${parameters - missing.length} of ${parameters}`,
    reason: reason ?? closed ?? "",
  };
  return HEADS.map((head) => cells[head].replaceAll("|", "\\|"));
}

/** The last words of PyTorch's exporter. */
function failureOf(name) {
  const file = join(out, name, "failure.txt");
  if (!existsSync(file)) return "not run yet";
  const last = readFileSync(file, "utf8")
    .split("\n")
    .findLast((line) => /^\w*(Error|Exception)\b/.test(line));
  return (last ?? "failed").slice(0, 160).replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

/** The rows of each section of the document, by the section's heading. */
function readRows() {
  const sections = readFileSync(DOCUMENT, "utf8").split(/^## /m).slice(1);
  return new Map(
    sections.map((section) => {
      const [heading, ...lines] = section.split("\n");
      const rows = lines
        .filter((line) => line.startsWith("|"))
        .map((line) =>
          line
            .split(/(?<!\\)\|/)
            .slice(1, -1)
            .map((cell) => cell.trim()),
        );
      return [heading, rows.slice(2)];
    }),
  );
}

const entries = readdirSync(out)
  .sort()
  .map((folder) => join(out, folder))
  .filter((folder) => existsSync(join(folder, "result.json")))
  .map((folder) => ({ ...readJson(join(folder, "case.json")), ...readJson(join(folder, "result.json")) }));
// The folder of other exporters has other kinds.
const kinds = readJson(join(out, "kinds.json"));
const before = readRows();

/** The heading of a family's models: `Image models`. */
const headingOf = (family) => `${family[0].toUpperCase()}${family.slice(1)} models`;

const sections = FAMILIES.map((family) => {
  const run = entries.filter((entry) => entry.family === family);
  const isRun = ([name, exporter]) => run.some((entry) => entry.name === name && entry.exporter === exporter);
  const kept = (before.get(headingOf(family)) ?? []).filter((row) => !isRun(row));
  const merged = [...kept, ...run.map(rowOf)].sort();
  return { family, rows: merged };
});
const rows = sections.flatMap((section) => section.rows);
const namesOf = (some) => new Set(some.map(([name]) => name));
const without = kinds.filter((kind) => !namesOf(rows).has(kind));
const reasonsBefore = new Map(before.get("Without a verdict"));
const reasonFor = (name) =>
  existsSync(join(out, name, "failure.txt")) ? failureOf(name) : (reasonsBefore.get(name) ?? "not run yet");

const count = (verdict) => rows.filter((row) => row[2] === verdict).length;
const others = ["undecided", "refused", "wrong"]
  .filter((verdict) => count(verdict) > 0)
  .map((verdict) => `${count(verdict)} ${verdict}`);
const rightKinds = namesOf(rows.filter((row) => row[2] === "right"));

writeFileSync(
  DOCUMENT,
  `# Models that people export

Of ${namesOf(rows).size} kinds of model, the training graphs of ${rightKinds.size} are right${others.length > 0 ? `; of ${rows.length} exported files, ${others.join(", ")}` : ""}.

\`packages/onnx/test/model-suite\` has the scripts. \`kinds.py\` builds a small network of each kind with random weights, moved off
their initial values; \`export.py\` exports it with PyTorch 2.15, in evaluation mode, and computes the gradients of softmax
cross-entropy with a copy in double precision; \`keras_models.py\` and \`paddle_models.py\` do the same with Keras 3.15 (TensorFlow
2.21, tf2onnx 1.17) and PaddlePaddle 3.3 (paddle2onnx 2.1), and their gradients; \`check.mjs\` makes the training graph, runs it in ONNX Runtime and compares
every gradient; \`table.mjs\` writes the rows of the kinds that were run into this page, the latest on ${new Date().toISOString().slice(0, 10)} (${cpus()[0].model}).
\`pnpm model-suite\` in \`packages/onnx\` runs those of PyTorch, in about an hour. [Steps of training](onnx-steps.md) of larger networks are
timed next to PyTorch's.

- **exporter**: \`torch.export\` is today's default of \`torch.onnx.export\`, with \`dynamo=True\`; \`TorchScript\` is \`dynamo=False\`.
  \`Keras\` is \`model.export(format="onnx")\`, which has no operator for the exact Gelu (\`Erfc\`): the transformer has the one by tanh.
  \`Paddle\` is \`paddle.onnx.export\`. Both give the batch a name of their own.
- **open sizes**: the sizes that the training graph leaves open. It is checked with batches of 2 and 3 if the batch is open.
- **error**: the largest relative error of a gradient in the 2-norm, over all parameters and batches. Gradients that are 0 but for
  rounding are measured by the largest.
- **rounding**: the largest change of the library's own gradients by rounding to float32: between its float32 and its float64, and, of
  PyTorch in float64, when inputs and parameters are moved by a few roundings. Next to a kink, such as that of a ReLU, or in a network that
  magnifies small changes, it is large with any library.
- **float64**: the error of the same network, exported with weights in float64 and run in float64, where rounding is above 10⁻⁵.
- A model is **right** if its loss and its error are within 10⁻⁴ or, in float64, within 10⁻⁷, and if no parameter in the file is left
  out. Without a model in float64 it is undecided if rounding is above 10⁻⁵.
- **parameters**: how many of the network's parameters the file stores. Exporters compute the others away: what depends on
  parameters alone, such as a table of relative positions, is stored as the result, and training that is not training the
  parameters. Gradients of such results are not compared, since PyTorch has none for them.

${sections
  .filter((section) => section.rows.length > 0)
  .map(({ family, rows: own }) => `## ${headingOf(family)}\n\n${markdownTable([HEADS, ...own])}\n`)
  .join("\n")}
${without.length === 0 ? "" : `## Without a verdict\n\nPyTorch exported no file of these kinds, or they have not been run yet.\n\n${markdownTable([["model", "exporter says"], ...without.map((name) => [name, reasonFor(name)])])}\n`}`,
);
