import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { isRead, readSuite } from "./read-suite.js";
import { modelOf, operatorsOf, runCase, type SuiteCase } from "./run-case.js";
import { type Result, report } from "./table.js";

const SUITE = new URL("../../reports/node-suite.jsonl", import.meta.url);
/** Cases of more characters than this are left out of the selection that is committed. */
const LONGEST = 2000;

const selected = (line: string, { outcome }: Result): boolean =>
  outcome.interpreter.status === "right" && line.length <= LONGEST;

it("is right or refused in every case", async () => {
  if (!existsSync(SUITE)) throw new Error(`${SUITE.pathname} is missing: export.py writes it`);
  const { version, cases } = readSuite(SUITE);
  const results: Result[] = [];
  const selection = [JSON.stringify({ onnx: version, license: "Apache-2.0", writtenBy: "pnpm node-suite" })];
  for (const suiteCase of cases.filter(isRead)) {
    const result = await resultOf(suiteCase);
    results.push(result);
    const line = JSON.stringify(suiteCase);
    if (selected(line, result)) selection.push(line);
  }
  const wrong = results.filter(({ outcome }) =>
    [outcome.interpreter, outcome.runtime].some(({ status }) => status === "wrong"),
  );
  expect(wrong).toEqual([]);
  await expect(report(results, cases.length, version)).toMatchFileSnapshot(
    "../../../../docs/onnx-node-suite.md",
  );
  await expect(`${selection.join("\n")}\n`).toMatchFileSnapshot("../fixtures/node-suite.jsonl");
});

const resultOf = async (suiteCase: SuiteCase): Promise<Result> => ({
  name: suiteCase.name,
  operators: operatorsOf(modelOf(suiteCase)),
  outcome: await runCase(suiteCase),
});
