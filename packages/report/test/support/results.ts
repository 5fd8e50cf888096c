import type { BackendRecord, Cell, DistanceRecord, Results, Timing } from "@softmax-bench/core";
import { renderMarkdown, renderTerminal, reportView } from "../../src/index.js";

type GradientError = NonNullable<Cell["accuracy"]>["gradient"];

/** A timing in microseconds, with an interval of ±1 %. */
const timing = (medianUs: number, over: Partial<Timing> = {}): Timing => ({
  medianNs: 1000 * medianUs,
  madNs: 2 * medianUs,
  ci95Ns: [990 * medianUs, 1010 * medianUs],
  coverage: 0.96,
  scope: "processes",
  samples: [],
  processMedians: [1, 2, 3, 4, 5].map(() => 1000 * medianUs),
  ...over,
});

const gradientError = (over: Partial<GradientError> = {}): GradientError => ({
  relL2: 3e-8,
  maxAbs: 1e-9,
  sumAbs: 1e-6,
  maxUlp: 2,
  p99Ulp: 1,
  nonFinite: 0,
  rowSumResidual: 1e-8,
  ...over,
});

interface Measurement {
  readonly us?: number;
  readonly time?: Partial<Timing>;
  readonly error?: Partial<GradientError>;
}

/** A measured cell; `method` is its name in every sentence. */
export const measured = (
  method: string,
  { us = 100, time = {}, error = {} }: Measurement = {},
  over: Partial<Cell> = {},
): Cell => ({
  backend: "node",
  method,
  dtype: "float32",
  workload: "square",
  status: "ok",
  timing: { gradient: timing(us, time) },
  accuracy: { lossRelError: 1e-8, gradient: gradientError(error) },
  ...over,
});

/** A cell that did not run. */
export const absent = (
  method: string,
  status: Exclude<Cell["status"], "ok">,
  reason: string,
  over: Partial<Cell> = {},
): Cell => ({ backend: "node", method, dtype: "float32", workload: "square", status, reason, ...over });

export const distance = (over: Partial<DistanceRecord> = {}): DistanceRecord => ({
  backend: "node",
  dtype: "float32",
  workload: "square",
  a: "manual/stable",
  b: "autograd/stable",
  sumAbs: 1.25e-5,
  maxAbs: 1e-8,
  relL2: 4e-8,
  maxUlp: 12,
  speedup: 2.5,
  ...over,
});

export const backend = (over: Partial<BackendRecord> = {}): BackendRecord => ({
  id: "node",
  status: "available",
  engine: { name: "node", version: "20.19.0" },
  device: { kind: "cpu", name: "Xeon" },
  threads: 1,
  coldStartNs: 1.5e9,
  peakRssBytes: 200 * 2 ** 20,
  ...over,
});

type Parts = Partial<Omit<Results, "run" | "environment">> & {
  readonly run?: Partial<Results["run"]>;
  readonly environment?: Partial<Results["environment"]>;
};

export const resultsOf = ({ run = {}, environment = {}, ...over }: Parts = {}): Results => ({
  schemaVersion: 1,
  run: {
    id: "20260101-000000-smoke",
    startedAt: "2026-01-01T00:00:00.000Z",
    finishedAt: "2026-01-01T00:02:00.000Z",
    profile: "smoke",
    argv: ["--profile", "smoke"],
    commit: "abc1234",
    ...run,
  },
  environment: {
    cpu: "Xeon",
    cores: 2,
    memoryBytes: 8 * 2 ** 30,
    os: "linux",
    node: "v20.19.0",
    versions: {},
    ...environment,
  },
  workloads: [
    {
      id: "square",
      summary: "as many rows as classes",
      rows: 512,
      classes: 512,
      scale: 1,
      margin: 0,
      labels: "uniform",
    },
  ],
  backends: [backend()],
  cells: [],
  distances: [],
  ...over,
});

/** Results of one workload with these cells, which are tied up to 2 % apart. */
export const withCells = (...cells: Cell[]): Results => resultsOf({ cells, resolution: RESOLUTION });

export const RESOLUTION: NonNullable<Results["resolution"]> = {
  groups: [{ backend: "node", workload: "square", phase: "gradient", ratio: 0.02, processes: 5 }],
  identicalPairs: [],
};

export const terminalOf = (results: Results, color = false): string =>
  renderTerminal(reportView(results), { color });

export const markdownOf = (results: Results): string => renderMarkdown(reportView(results));

/** The lines of an output that contain a text, with runs of spaces as one. */
export const linesWith = (output: string, text: string): string[] =>
  output
    .split("\n")
    .map((line) => line.replaceAll(/ +/g, " ").trim())
    .filter((line) => line.includes(text));

/** The sentence that closes the only workload. */
export const sentenceOn = (...cells: Cell[]): string =>
  reportView(withCells(...cells)).workloads[0]?.verdicts.join("\n") ?? "";
