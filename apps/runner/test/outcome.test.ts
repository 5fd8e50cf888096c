import { SchemaVersionError } from "@softmax-bench/core/results";
import { describe, expect, it } from "vitest";
import { BuildError } from "../dist/gate/build-revision.js";
import { CheckoutError } from "../dist/gate/checkout.js";
import { outcomeOf, outcomeOfError } from "../dist/gate/outcome.js";
import { TimeOver } from "../dist/gate/time-budget.js";
import { IncomparableError, UsageError } from "../dist/terminal/errors.js";

const id = { backend: "tfjs-wasm", method: "manual/fused", dtype: "float32", workload: "4x3" };
const cell = (verdict: string) => ({ ...id, verdict, time: {} });
const broken = { ...id, kind: "broken", reason: "" };

const gated = (cells: readonly object[], notCompared: readonly object[], status = "available") => {
  const backends = [{ id: "tfjs-wasm", status }];
  return {
    comparison: { cells, notCompared, judges: true },
    baseline: { backends: [{ id: "tfjs-wasm", status: "available" }] },
    candidate: { backends },
  } as never;
};

describe("the outcome of a gate in a word", () => {
  it.each([
    ["pass", gated([cell("pass"), cell("changed")], [])],
    ["inconclusive", gated([cell("pass"), cell("inconclusive")], [])],
    ["regression", gated([cell("regression"), cell("inconclusive")], [broken])],
    ["did-not-run", gated([cell("pass")], [broken])],
    ["did-not-run", gated([cell("pass")], [broken, { ...broken, backend: "jax-js" }], "unavailable")],
    ["backend-missing", gated([cell("pass")], [broken], "unavailable")],
    ["nothing-comparable", gated([], [])],
  ])("is %s", (word, of) => {
    expect(outcomeOf(of)).toBe(word);
  });

  it.each([
    ["nothing-comparable", new IncomparableError("")],
    ["other-schema", new IncomparableError("", { cause: new SchemaVersionError(2) })],
    ["build-failed", new BuildError("")],
    ["no-answer", new CheckoutError({ name: "main", folder: "/" }, "")],
    ["time-over", new TimeOver("")],
    ["usage", new UsageError("")],
    ["failed", new TypeError("")],
  ])("is %s where an error ended it", (word, error) => {
    expect(outcomeOfError(error)).toBe(word);
  });
});
