import { readFileSync } from "node:fs";
import { modernized } from "../../src/read/old-operator-sets.js";
import { READERS } from "../../src/read/operators/index.js";
import { modelOf, type SuiteCase } from "./run-case.js";

/** The output of `export.py`. */
export interface Suite {
  /** Of onnx. */
  readonly version: string;
  readonly cases: readonly SuiteCase[];
}

export function readSuite(file: string | URL): Suite {
  const [head = "", ...lines] = readFileSync(file, "utf8").trimEnd().split("\n");
  return { version: JSON.parse(head).onnx, cases: lines.map((line) => JSON.parse(line)) };
}

/** True if models may have all operators of the case. */
export function isRead(suiteCase: SuiteCase): boolean {
  const { graph, opsetImport } = modelOf(suiteCase);
  const nodes = modernized(graph?.node ?? [], Number(opsetImport[0]?.version));
  return nodes.every(({ domain, opType }) => domain === "" && READERS.has(opType));
}
