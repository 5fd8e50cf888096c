import type { Results } from "@softmax-bench/core";
import { formatResults, parseResults, resultsJsonSchema } from "@softmax-bench/core/results";
import { describe, expect, it } from "vitest";

const timing = {
  medianNs: 10,
  madNs: 1,
  ci95Ns: [9, 11] as [number, number],
  coverage: 0.96,
  scope: "process" as const,
  samples: [9, 10, 11],
};

const results: Results = {
  schemaVersion: 1,
  run: {
    id: "20260101-000000-smoke",
    startedAt: "2026-01-01T00:00:00.000Z",
    finishedAt: "2026-01-01T00:00:10.000Z",
    profile: "smoke",
    argv: [],
    commit: null,
  },
  environment: { cpu: "c", cores: 2, memoryBytes: 1, os: "o", node: "v20", versions: {} },
  backends: [{ id: "b", status: "available" }],
  cells: [
    {
      backend: "b",
      method: "manual/naive",
      dtype: "float32",
      workload: "w",
      status: "ok",
      timing: { gradient: timing },
      loss: Number.NaN,
      accuracy: {
        lossRelError: Number.POSITIVE_INFINITY,
        gradient: {
          relL2: 1e-7,
          maxAbs: 0,
          sumAbs: 0,
          maxUlp: Number.POSITIVE_INFINITY,
          p99Ulp: 1,
          nonFinite: 3,
          rowSumResidual: 0,
        },
      },
    },
    {
      backend: "b",
      method: "m",
      dtype: "float64",
      workload: "w",
      status: "unsupported",
      reason: "no float64",
    },
  ],
  distances: [],
};

/** The results as JSON, with one field replaced. */
function withField(path: readonly (string | number)[], value: unknown): string {
  const copy = JSON.parse(formatResults(results));
  const parent = path.slice(0, -1).reduce((node, key) => node[key], copy);
  parent[path.at(-1) as string] = value;
  return JSON.stringify(copy);
}

describe("results.json", () => {
  it("round-trips, non-finite numbers included", () => {
    const text = formatResults(results);
    expect(JSON.parse(text).cells[0].loss).toBe("NaN");
    expect(JSON.parse(text).cells[0].accuracy.lossRelError).toBe("Infinity");
    expect(parseResults(text)).toEqual(results);
  });

  it.each([
    [
      ["cells", 0, "timing", "gradient", "medianNs"],
      "fast",
      /^cells\[0\]\.timing\.gradient\.medianNs: .*"fast"/,
    ],
    [["cells", 1, "status"], "fine", /^cells\[1\]\.status: /],
    [["schemaVersion"], 2, /^schemaVersion: /],
    [["run", "startedAt"], "yesterday", /^run\.startedAt: /],
    [["cells", 1, "reason"], undefined, /^cells\[1\]\.reason: a cell that is not ok needs a reason/],
  ])("is refused with the path of the offending field: %j", (path, value, message) => {
    expect(() => parseResults(withField(path, value))).toThrow(message);
  });

  it("is refused when it is not JSON", () => {
    expect(() => parseResults("<html>")).toThrow(/^not JSON: /);
  });

  it("is never written when it does not match the schema", () => {
    const broken = { ...results, run: { ...results.run, id: "" } };
    expect(() => formatResults(broken)).toThrow(/^run\.id: /);
  });

  it("is read although a later version added fields", () => {
    expect(parseResults(withField(["run", "addedLater"], 1))).toEqual(results);
  });

  it("has its published JSON Schema up to date (packages/core/results.schema.json)", async () => {
    const schema = `${JSON.stringify(resultsJsonSchema(), null, 2)}\n`;
    await expect(schema).toMatchFileSnapshot("../results.schema.json");
  });
});
