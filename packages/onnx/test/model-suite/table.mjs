// Writes docs/onnx-models.md from the results of check.mjs: node table.mjs <folder of export.py> [--times]
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { markdownTable } from "markdown-table";

const DOCUMENT = new URL("../../../../docs/onnx-models.md", import.meta.url);
const FAMILIES = ["text", "image", "segmentation", "sound", "recurrent", "other"];
const [out, ...flags] = process.argv.slice(2);
const hasTimes = flags.includes("--times");

const readJson = (file) => JSON.parse(readFileSync(file, "utf8"));
const largest = (numbers) => Math.max(...numbers);

const entries = readdirSync(out)
  .sort()
  .map((folder) => join(out, folder))
  .filter((folder) => existsSync(join(folder, "result.json")))
  .map((folder) => ({ ...readJson(join(folder, "case.json")), ...readJson(join(folder, "result.json")) }));
const others = readJson(join(out, "kinds.json")).filter((kind) => !entries.some(({ name }) => name === kind));

function row({ name, exporter, verdict, reason, results, open, closed, parameters, missing }) {
  const shown = (value) => value?.toExponential(1) ?? "";
  const sizes = closed ? "none" : open?.join(", ") || "none";
  return [
    name,
    exporter,
    verdict,
    verdict === "refused" ? "" : sizes,
    results ? shown(largest(results.map(({ error }) => error))) : "",
    results ? shown(largest(results.map(({ float32Error }) => float32Error))) : "",
    `${parameters - missing.length} of ${parameters}`,
    ...(hasTimes ? [results ? largest(results.map(({ ratio }) => ratio)).toFixed(2) : ""] : []),
    reason ?? closed ?? "",
  ].map((cell) => cell.replaceAll("|", "\\|"));
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

const HEADS = [
  "model",
  "exporter",
  "verdict",
  "open sizes",
  "error",
  "PyTorch's",
  "parameters",
  ...(hasTimes ? ["time"] : []),
  "reason",
];

const sections = FAMILIES.map((family) => {
  const rows = entries.filter((entry) => entry.family === family).map(row);
  return rows.length === 0 ? "" : `## Models of ${family}\n\n${markdownTable([HEADS, ...rows])}\n`;
});

const count = (verdict) => entries.filter((entry) => entry.verdict === verdict).length;
const kinds = new Set(entries.map(({ name }) => name));
const rightKinds = new Set(entries.filter(({ verdict }) => verdict === "right").map(({ name }) => name));

writeFileSync(
  DOCUMENT,
  `# Models that people export

Training graphs of ${kinds.size} kinds of model: ${rightKinds.size} kinds are right. Of ${entries.length} exported files, ${count("right")} are
right, ${count("undecided")} undecided, ${count("refused")} refused and ${count("wrong")} wrong.

\`packages/onnx/test/model-suite\` has the scripts. \`kinds.py\` builds a small network of each kind with random weights, moved off
their initial values; \`export.py\` exports it with PyTorch 2.15, in evaluation mode, and computes the gradients of softmax
cross-entropy with a copy in double precision; \`check.mjs\` makes the training graph, runs it in ONNX Runtime and compares
every gradient; \`table.mjs\` writes this page.

- **exporter**: \`torch.export\` is today's default of \`torch.onnx.export\`, with \`dynamo=True\`; \`TorchScript\` is \`dynamo=False\`.
- **open sizes**: the sizes that the training graph leaves open. It is checked with batches of 2 and 3 if the batch is open.
- **error**: the largest relative error of a gradient in the 2-norm, over all parameters and batches; **PyTorch's**: that of its own
  gradients in float32. Gradients that are 0 but for rounding are measured by the largest. A model is right if its loss and its error
  are within 10⁻⁴, and if no parameter in the file is left out; it is undecided if PyTorch's own error is above 10⁻⁵, because
  rounding then crosses a kink, such as that of a ReLU.
- **parameters**: how many of the network's parameters the file stores. Exporters compute the others away: what depends on
  parameters alone, such as a table of relative positions, is stored as the result, and training that is not training the
  parameters. Gradients of such results are not compared, since PyTorch has none for them.
${hasTimes ? "- **time**: that of a step in ONNX Runtime, as a multiple of PyTorch's.\n" : ""}
${sections.filter((section) => section !== "").join("\n")}
## Without a verdict

PyTorch exported no file of these kinds, or they have not been run yet.

${markdownTable([["model", "exporter says"], ...others.map((name) => [name, failureOf(name)])])}
`,
);
