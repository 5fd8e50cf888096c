import { readFileSync } from "node:fs";
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
