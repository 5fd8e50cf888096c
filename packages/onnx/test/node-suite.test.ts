import { expect, it } from "vitest";
import { readSuite } from "./node-suite/read-suite.js";
import { runCase } from "./node-suite/run-case.js";

// A selection of the ONNX project's node tests (Apache-2.0), with the results that it publishes: `pnpm node-suite` writes it.
const { cases } = readSuite(new URL("fixtures/node-suite.jsonl", import.meta.url));

it.each(cases.map((suiteCase) => [suiteCase.name, suiteCase] as const))(
  "%s: as published, by the reference interpreter and by ONNX Runtime",
  async (_, suiteCase) => {
    const { interpreter, runtime } = await runCase(suiteCase);
    expect(interpreter).toEqual({ status: "right" });
    // ONNX Runtime has no kernel for some types.
    if (runtime.status !== "refused") expect(runtime).toEqual({ status: "right" });
  },
);
