import { readFileSync } from "node:fs";
import { READERS } from "../../src/read/operators/index.js";
import { modelOf, operatorsOf, type SuiteCase } from "./run-case.js";

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
export const isRead = (suiteCase: SuiteCase): boolean =>
  operatorsOf(modelOf(suiteCase)).every((op) => READERS.has(op));
