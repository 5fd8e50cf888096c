import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { operatorTable } from "./operator-table.js";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const README = join(PACKAGE, "README.md");

it("the table of operators is what the registry says; vitest -u brings it up to date", async () => {
  const written = readFileSync(README, "utf8");
  const [start, end] = ["<!-- operators -->", "<!-- /operators -->"];
  expect(written).toContain(start);
  const [before, rest = ""] = written.split(start);
  const after = rest.slice(rest.indexOf(end));
  await expect(`${before}${start}\n\n${operatorTable()}\n\n${after}`).toMatchFileSnapshot(README);
});

it.each([
  ["onnx", "loss 0.6931 before, "],
  ["graph", "[ 12 ]"],
])("the example in the README of packages/%s runs, and says what it says it does", (name, says) => {
  const text = readFileSync(join(PACKAGE, "..", name, "README.md"), "utf8");
  const [, code = ""] = /```js\n([\s\S]*?)```/.exec(text) ?? [];
  expect(code.trim().split("\n").length).toBeLessThanOrEqual(25);
  // In the package, where its imports are found.
  const folder = mkdtempSync(join(PACKAGE, "example-"));
  try {
    const file = join(folder, "example.mjs");
    writeFileSync(file, code);
    const { stdout, stderr, status } = spawnSync(process.execPath, [file], { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(stdout).toContain(says);
    expect(status).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
