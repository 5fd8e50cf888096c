import { readFileSync } from "node:fs";
import { SchemaVersionError } from "@softmax-bench/core/results";
import { describe, expect, it } from "vitest";
import { BuildError } from "../dist/gate/build-revision.js";
import { CheckoutError, countIn, HangError, listIn } from "../dist/gate/checkout.js";
import { GATE_OUTCOMES, outcomeOf, outcomeOfError } from "../dist/gate/outcome.js";
import { toPatience } from "../dist/gate/patience.js";
import { TimeOver } from "../dist/gate/time-budget.js";
import { IncomparableError, UsageError } from "../dist/terminal/errors.js";
import { fakeCheckout } from "./support/fake-revision.js";

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
    ["hangs", new HangError({ name: "main", folder: "/" }, "")],
    ["cannot-be-driven", new CheckoutError({ name: "main", folder: "/" }, "")],
    ["time-over", new TimeOver("")],
    ["usage", new UsageError("")],
    ["failed", new TypeError("")],
  ])("is %s where an error ended it", (word, error) => {
    expect(outcomeOfError(error)).toBe(word);
  });

  const CELL = "wasm-simd manual/fused float32 16x10";
  const revision = (over: object = {}) => fakeCheckout({ name: "old", cells: [CELL], ...over });
  const { signal } = new AbortController();

  it.each([
    ["hangs", () => countIn(revision({ counting: "hangs" }), [CELL], { patience: toPatience(1000), signal })],
    [
      "cannot-be-driven",
      () => countIn(revision({ counting: { failsAfter: "/" } }), [CELL], { patience: toPatience(), signal }),
    ],
    [
      "cannot-be-driven",
      () => listIn(revision(), ["--profile", "digests"], { patience: toPatience(), signal }),
    ],
  ])("is %s for a revision that does", async (word, drive) => {
    const error = await drive().catch((thrown: unknown) => thrown);
    expect(outcomeOfError(error), String(error)).toBe(word);
  });

  const ACTION = readFileSync(new URL("../../../action.yml", import.meta.url), "utf8");
  const DOCUMENT = readFileSync(new URL("../../../docs/regression-gate.md", import.meta.url), "utf8");

  it("is one of those that action.yml and the documentation list", () => {
    const [, listed] = /description: "The outcome in a word: (.*); empty if/.exec(ACTION) ?? [];
    expect(listed?.split(", ")).toEqual([...GATE_OUTCOMES]);
    const [, section = ""] = /\nThe words are (.*?)\n\n/s.exec(DOCUMENT) ?? [];
    expect(section.match(/(?<=`)[a-z-]+(?=`)/g)).toEqual([...GATE_OUTCOMES]);
  });
});
