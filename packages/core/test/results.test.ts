import type { Results } from "@softmax-bench/core";
import { formatResults, parseResults, ResultsError, resultsJsonSchema } from "@softmax-bench/core/results";
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

  it("is refused in words without the control characters in it", () => {
    const refuse = () => parseResults('{"schemaVersion": \u001b[2J\u202e}');
    expect(refuse).toThrow(ResultsError);
    expect(refuse).toThrow(/^not JSON: [^\p{C}]*$/u);
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

  it.each([
    ["run", "id"],
    ["run", "profile"],
    ["backends", 0, "id"],
    ["cells", 0, "backend"],
    ["cells", 0, "method"],
    ["cells", 0, "workload"],
  ])("takes no path for an id (%s %s %s)", (...path) => {
    const at = path
      .map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`))
      .join("")
      .slice(1);
    for (const hostile of [
      "x/../../y",
      "../x",
      "/x",
      "a/./b",
      ".hidden",
      "-rf",
      "a\u0000",
      "a\nb",
      "\u001b[2J",
      "a//b",
      "",
    ]) {
      expect(() => parseResults(withField(path, hostile)), hostile).toThrow(`${at}: `);
    }
    for (const good of ["manual", "4x3", "onnxruntime-cpu", "node@24", "a.b_c+d", "__proto__"]) {
      expect(() => parseResults(withField(path, good)), good).not.toThrow();
    }
  });

  it("takes a branch of any letters, and none with control characters", () => {
    for (const branch of ["main", "feature/x", "日本語", "a b", null]) {
      expect(() => parseResults(withField(["run", "branch"], branch))).not.toThrow();
    }
    expect(() => parseResults(withField(["run", "branch"], "a\u001b[2J"))).toThrow(/^run\.branch: /);
  });

  it("holds every record once, and names the second of two", () => {
    const [cell, other] = JSON.parse(formatResults(results)).cells;
    const bad = { ...cell, status: "failed", reason: "no" };
    expect(() => parseResults(withField(["cells"], [cell, other, bad]))).toThrow(
      "cells[2]: expected one record of b manual/naive float32 w, this is the second after [0]; remove one of the two",
    );
    const twice = { ...results, backends: [...results.backends, ...results.backends] };
    expect(() => formatResults(twice)).toThrow(/^backends\[1\]: expected one record of b, /);
    const elsewhere = [cell, { ...bad, machine: "another, 2 cores" }];
    expect(() => parseResults(withField(["cells"], elsewhere))).not.toThrow();
  });
});
