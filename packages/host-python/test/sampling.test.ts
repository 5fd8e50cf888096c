import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { findPython } from "@softmax-bench/host-python";
import { testSteadiness } from "@softmax-bench/stats";
import { expect, it } from "vitest";
import { describeWithPython } from "./support/python.js";

const FOLDER = fileURLToPath(new URL("../python", import.meta.url));

/** Evaluates an expression of a worker's module on a value; both travel as JSON. */
async function evaluate(module: string, expression: string, value: unknown): Promise<unknown> {
  const { executable } = await findPython();
  const program = `import json, sys; from ${module} import *; value = json.load(sys.stdin); print(json.dumps(${expression}))`;
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: "1" };
  const printed = execFileSync(executable, ["-c", program], {
    cwd: FOLDER,
    env,
    input: JSON.stringify(value),
  });
  return JSON.parse(printed.toString());
}

/** Fractional parts of multiples of the golden ratio: noise of ±1 % on a drift. */
const series = (length: number, drift: number): number[] =>
  Array.from({ length }, (_, index) => 100 * (1 + drift * (index / length)) + 2 * ((index * 0.618) % 1));

await describeWithPython("sampling in Python", () => {
  it("tells steady series from drifting ones as JavaScript workers do", async () => {
    const tried = [0, 9, 10, 11, 20, 60, 200].flatMap((length) =>
      [-0.5, -0.1, -0.03, -0.02, -0.01, 0, 0.02, 0.03, 0.2].map((drift) => series(length, drift)),
    );
    // Ties: a coarse clock.
    const ties = tried.map((one) => one.map(Math.round));
    const all = [...tried, ...ties];
    const verdicts = all.map(testSteadiness);
    expect(await evaluate("sampling", "[steadiness_of(one) for one in value]", all)).toEqual(verdicts);
    expect(new Set(verdicts)).toEqual(new Set(["settled", "unsettled", "untested"]));
  });

  it("makes the inputs that JavaScript workers make: Numerical Recipes' generator", async () => {
    const expected: number[] = [];
    let state = 1;
    for (let index = 0; index < 21; index++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      expected.push(state / 2 ** 30 - 2);
    }
    const program = {
      inputs: [
        { name: "logits", dtype: "float64", shape: [3, 7] },
        { name: "labels", dtype: "int64", shape: [3] },
      ],
    };
    const made = await evaluate(
      "arrays",
      '[array.reshape(-1).tolist() for array in synthetic(value).values()] + [str(synthetic(value)["labels"].dtype)]',
      program,
    );
    expect(made).toEqual([expected, [0, 1, 2], "int32"]);
  });

  it("takes as many calls for a sample as JavaScript workers do", async () => {
    const limits = {
      batchNs: 1e5,
      mostWindowNs: 2e7,
      fewestSamples: 3,
      maxSamples: 40,
      minSamples: 20,
      windowNs: 1e6,
    };
    const sizes = await evaluate(
      "sampling",
      "[fit_to_limits(ns, value) for ns in (3e3, 7e4, 1e6, 1e9)]",
      limits,
    );
    expect(sizes).toEqual([
      { calls: 33, most: 40, fewest: 20, windowNs: 1e6 },
      { calls: 1, most: 40, fewest: 20, windowNs: 1e6 },
      { calls: 1, most: 20, fewest: 20, windowNs: 1e6 },
      { calls: 1, most: 3, fewest: 3, windowNs: 1e6 },
    ]);
  });
});
