import { readFileSync } from "node:fs";
import { markdownTable } from "markdown-table";
import { expect, it } from "vitest";
import { READERS } from "../src/read/operators/index.js";
import { CASES } from "./gradient-cases.js";
import { SAMPLES } from "./samples.js";

const text = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");

/** The operators with an input that ONNX 1.23.2 tags as differentiable (`OpSchema.DifferentiationCategory`). */
const TAGGED = text("fixtures/differentiable-operators.txt").trim().split("\n");
/** Operators of old operator sets only, and the one that takes their place: a model with the old one is read as if it had that. */
const REPLACED = new Map([["Scatter", "ScatterElements"]]);

/** Right cases of the ONNX project's node tests, and all of them, by operator. */
const nodeTests = new Map(
  Array.from(
    text("../../../docs/onnx-node-suite.md").matchAll(/^\| `(\w+)` +\| +(\d+) \| +(\d+) \|/gm),
    ([, op, cases, right]) => [op as string, `${right} of ${cases}`] as const,
  ),
);

/** Cases of `every-input.test.ts` and `read-gradients.test.ts`, each of which compares with central differences and ONNX Runtime. */
const gradientTests = (op: string): number =>
  (SAMPLES[op]?.length ?? 0) + Object.entries(CASES).filter(([name, of]) => (of.op ?? name) === op).length;

it("every operator that ONNX tags as differentiable is read, and its gradient is tested", () => {
  expect(TAGGED.filter((op) => !READERS.has(REPLACED.get(op) ?? op))).toEqual([]);
  expect(TAGGED.filter((op) => gradientTests(op) === 0)).toEqual([]);
});

it("the table of them is up to date; vitest -u writes it", async () => {
  const rows = TAGGED.map((op) => {
    const replaced = REPLACED.get(op);
    const composed = replaced ? `that of \`${replaced}\`, which replaced it` : "that of its composition";
    return [
      `\`${op}\``,
      SAMPLES[op] ? "a rule" : composed,
      String(gradientTests(op)),
      nodeTests.get(op) ?? "there are none",
    ];
  });
  const heads = ["operator", "gradient", "gradients tested", "node tests right"];
  await expect(`# The operators that ONNX calls differentiable

ONNX 1.23.2 tags an input of ${TAGGED.length} operators as differentiable. Written by \`vitest run test/differentiable.test.ts -u\` in \`packages/onnx\`.

- **gradient**: by a rule of its own in \`packages/graph/src/ops\`, or by those of the operators that \`packages/onnx/src/read\` writes
  it in, whose results are compared with ONNX Runtime's kernel where there is one.
- **gradients tested**: cases in which the gradient is compared, in double precision, with central differences of the reference
  interpreter, and what ONNX Runtime computes from the written model with the interpreter's result
  (\`every-input.test.ts\`, \`operators.test.ts\` and \`read-gradients.test.ts\`).
- **node tests right**: those of the ONNX project that are right, by [docs/onnx-node-suite.md](onnx-node-suite.md), which says why
  others are refused; none is wrong.

${markdownTable([heads, ...rows], { align: ["l", "l", "r", "r"] })}
`).toMatchFileSnapshot("../../../docs/onnx-differentiable.md");
});
