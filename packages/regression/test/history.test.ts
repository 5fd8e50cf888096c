import { readFileSync } from "node:fs";
import { type Cell, normalSource, type Results } from "@softmax-bench/core";
import { collectSeries, findSharedChanges, toHistoryRun, trackChanges } from "@softmax-bench/regression";
import { describe, expect, it } from "vitest";
import {
  falseAlarmsOfRatios,
  POOLS,
  type Pool,
  REFERENCE,
  simulateRuns,
  trackRatios,
} from "./ratio-study.js";

interface Measured {
  readonly backend?: string;
  readonly method?: string;
  readonly workload?: string;
  readonly us: number;
  readonly error?: number;
  readonly steadiness?: "unsettled" | "untested";
  readonly unfinished?: true;
}

const cell = ({
  backend = "wasm-simd",
  method = "manual/fused",
  workload = "square",
  us,
  error,
  steadiness,
  unfinished,
}: Measured): Cell => ({
  backend,
  method,
  dtype: "float32",
  workload,
  status: "ok",
  ...(unfinished ? { unfinished } : {}),
  timing: {
    gradient: {
      medianNs: 1000 * us,
      madNs: 1,
      coverage: 0.5,
      scope: "processes",
      samples: [],
      ...(steadiness ? { steadiness } : {}),
    },
  },
  ...(error === undefined
    ? {}
    : {
        accuracy: {
          lossRelError: 0,
          gradient: {
            relL2: error,
            maxAbs: 0,
            sumAbs: 0,
            maxUlp: 0,
            p99Ulp: 0,
            nonFinite: 0,
            rowSumResidual: 0,
          },
        },
      }),
});

interface RunParts {
  readonly noise?: Results["noise"];
  /** Version of the first backend's engine in Bun, where it is measured, too. */
  readonly inBun?: string;
  readonly run?: Partial<Results["run"]>;
  readonly cpu?: string;
  readonly version?: string;
  readonly threads?: number;
}

const run = (index: number, cells: readonly Measured[], parts: RunParts = {}) => {
  const { cpu = "Xeon", version = "1.0", threads = 2, inBun } = parts;
  const startedAt = new Date(Date.UTC(2026, 0, 1) + index * 86_400_000).toISOString();
  return toHistoryRun({
    schemaVersion: 1,
    run: {
      id: `run-${index}`,
      startedAt,
      finishedAt: startedAt,
      profile: "default",
      argv: [],
      commit: `commit-${index}`,
      ...parts.run,
    },
    environment: { cpu, cores: 2, os: "linux", node: "v20.19.0", versions: {} },
    backends: [
      ...["wasm-simd", "tfjs-cpu"].map((id) => ({
        id,
        status: "available" as const,
        engine: { name: "engine", version },
        threads,
      })),
      ...(inBun === undefined
        ? []
        : [
            {
              id: "wasm-simd",
              host: "bun",
              status: "available" as const,
              engine: { name: "engine", version: inBun },
            },
          ]),
    ],
    cells: cells.flatMap((measured) => [
      cell(measured),
      ...(inBun === undefined ? [] : [{ ...cell(measured), host: "bun" }]),
    ]),
    distances: [],
    ...(parts.noise ? { noise: parts.noise } : {}),
  });
};

/** Times with noise of 2 %. */
function noisyTimes(count: number, seed: number): number[] {
  const normal = normalSource("history", seed);
  return Array.from({ length: count }, () => 100 * Math.exp(0.02 * normal()));
}

const changesOf = (runs: ReturnType<typeof run>[], reference?: string) =>
  trackChanges(collectSeries(runs, reference)).flatMap(({ kind, name, changes }) =>
    changes.map((change) => ({ kind, name, ...change })),
  );

describe("the times of a run", () => {
  it("are left out if the machine was busy, and those that had not settled; errors are not", () => {
    const state = { loadAverage: 1, windowNs: 1e9, otherCores: 1, steal: 0, spinNs: 1e6 };
    const measured = { us: 100, error: 1e-6 };
    const runs = [
      run(0, [measured]),
      run(1, [{ ...measured, steadiness: "unsettled" }]),
      run(2, [measured], { noise: { before: state, during: [state] } }),
    ];
    const series = collectSeries(runs);
    expect(series.map(({ kind, points }) => [kind, points.map((point) => point.run)])).toEqual([
      ["time", ["run-0"]],
      ["error", ["run-0", "run-1", "run-2"]],
    ]);
    expect(runs.map(({ isBusy, unsettled }) => [isBusy, unsettled])).toEqual([
      [false, 0],
      [false, 1],
      [true, 0],
    ]);
  });
});

describe("times of cells that lack processes", () => {
  it("are left out, and their errors are not", () => {
    const runs = [run(0, [{ us: 100, error: 1e-6 }]), run(1, [{ us: 100, error: 1e-6, unfinished: true }])];
    expect(collectSeries(runs).map(({ kind, points }) => [kind, points.length])).toEqual([
      ["time", 1],
      ["error", 2],
    ]);
    expect(runs.map(({ unfinished }) => unfinished)).toEqual([0, 1]);
  });
});

describe("untested times", () => {
  it("are values like others: the runs of a series show their noise", () => {
    const slowed = noisyTimes(60, 1).map((us, index) => (index >= 40 ? 1.2 * us : us));
    const runs = slowed.map((us, index) => run(index, [{ us, steadiness: "untested" }]));
    expect(runs.every(({ unsettled }) => unsettled === 0)).toBe(true);
    expect(changesOf(runs)).toMatchObject([{ kind: "time", runsBefore: 40, runsAfter: 20 }]);
  });
});

describe("a change of a time", () => {
  const slowed = noisyTimes(60, 1).map((us, index) => (index >= 40 ? 1.2 * us : us));

  it("is between the last run before and the first one after, with its size, interval and numbers of runs", () => {
    const [change, ...others] = changesOf(
      slowed.map((us, index) => run(index, [{ us }], { version: index < 40 ? "1.0" : "1.1" })),
    );
    expect(others).toEqual([]);
    expect(change).toMatchObject({ kind: "time", verdict: "regression", runsBefore: 40, runsAfter: 20 });
    expect(change?.lastBefore.commit).toBe("commit-39");
    expect(change?.firstAfter.commit).toBe("commit-40");
    expect(change?.causes).toEqual(["engine 1.0 → 1.1"]);
    const [low = 0, high = 0] = change?.interval ?? [];
    expect(low).toBeLessThan(0.2);
    expect(high).toBeGreaterThan(0.2);
    expect(high - low).toBeLessThan(0.06);
  });

  it("has the causes of its own host", () => {
    const runs = slowed.map((us, index) => run(index, [{ us }], { inBun: index < 40 ? "1.0" : "1.1" }));
    expect(changesOf(runs).map(({ name, causes }) => [name, causes])).toEqual([
      ["wasm-simd manual/fused float32 square", []],
      ["wasm-simd@bun manual/fused float32 square", ["engine 1.0 → 1.1"]],
    ]);
  });

  it("is an improvement in the other direction, and two changes if it was reverted", () => {
    const reverted = noisyTimes(90, 2).map((us, index) => (index >= 40 && index < 60 ? 0.8 * us : us));
    const runs = reverted.map((us, index) => run(index, [{ us }]));
    expect(changesOf(runs).map(({ at, verdict }) => [at, verdict])).toEqual([
      [40, "improvement"],
      [60, "regression"],
    ]);
    expect(changesOf(runs.toReversed()).map(({ at }) => at)).toEqual([40, 60]);
  });

  it("is none below 2 %, however steady the times are", () => {
    const runs = Array.from({ length: 40 }, (_, index) => run(index, [{ us: index < 20 ? 100 : 101.9 }]));
    expect(changesOf(runs)).toEqual([]);
  });

  it("is none between machines, processors' threads, profiles, seeds or hosts: they have series of their own", () => {
    const parts: RunParts[] = [
      {},
      { cpu: "EPYC" },
      { threads: 1 },
      { run: { profile: "smoke" } },
      { run: { seed: 1 } },
      { run: { command: "limit" } },
    ];
    const runs = parts.flatMap((part, place) =>
      noisyTimes(20, place).map((us, index) => run(20 * place + index, [{ us: us * (1 + place) }], part)),
    );
    const tracked = trackChanges(collectSeries(runs)).filter(({ kind }) => kind === "time");
    expect(tracked.map(({ points }) => points.length)).toEqual(parts.map(() => 20));
    expect(tracked.map(({ state }) => state)).toEqual(parts.map(() => "flat"));
  });

  it("needs 12 runs", () => {
    const states = (count: number) =>
      trackChanges(collectSeries(slowed.slice(0, count).map((us, index) => run(index, [{ us }])))).map(
        ({ state }) => state,
      );
    expect(states(11)).toEqual(["short"]);
    expect(states(12)).toEqual(["flat"]);
    expect(states(1)).toEqual(["short"]);
  });
});

describe("a change of an error", () => {
  const runs = (errors: readonly number[]) => errors.map((error, index) => run(index, [{ us: 100, error }]));
  const inErrors = (errors: readonly number[]) =>
    changesOf(runs(errors)).filter(({ kind }) => kind === "error");

  it("is exact where errors are the same in nearly every run: one run shows it", () => {
    const [change, ...others] = inErrors([...new Array<number>(6).fill(1e-7), 3e-7]);
    expect(others).toEqual([]);
    expect(change).toMatchObject({ verdict: "regression", at: 6, runsBefore: 6, runsAfter: 1 });
    expect(change?.size).toBeCloseTo(2, 12);
    expect(change).not.toHaveProperty("interval");
  });

  it("is a regression where the gradient is no longer finite, and none below one roundoff", () => {
    expect(inErrors([1e-7, 1e-7, Number.NaN])).toMatchObject([{ verdict: "regression", at: 2 }]);
    expect(inErrors([0, 1e-12, 5e-8, 0, 0])).toEqual([]);
  });

  it("is tested like that of a time where errors vary from run to run", () => {
    const varying = noisyTimes(40, 3).map((value) => value * 1e-9);
    expect(inErrors(varying)).toEqual([]);
    expect(inErrors(varying.map((value, index) => (index < 20 ? value : 2 * value)))).toMatchObject([
      { at: 20, verdict: "regression" },
    ]);
  });
});

describe("ratios to a reference in the same run", () => {
  const [own, others] = [noisyTimes(48, 4), noisyTimes(48, 5)];
  const runs = (slowdown: number) =>
    own.map((us, index) => {
      // Each run is on one of six machines, none of which is there often enough for a series of its own.
      const speed = 1 + (index % 6);
      return run(
        index,
        [
          { us: us * speed * (index < 24 ? 1 : slowdown) },
          { backend: "tfjs-cpu", us: (others[index] as number) * speed },
        ],
        { cpu: `cpu ${index % 6}` },
      );
    });

  it("show a change where machines take turns", () => {
    const found = changesOf(runs(1.2), "tfjs-cpu manual/fused");
    expect(found).toMatchObject([
      {
        kind: "ratio",
        name: "wasm-simd manual/fused float32 square / tfjs-cpu manual/fused",
        at: 24,
        verdict: "regression",
      },
    ]);
    expect(found[0]?.causes[0]).toMatch(/^another machine: cpu 5, .* → cpu 0, /);
    expect(changesOf(runs(1), "tfjs-cpu manual/fused")).toEqual([]);
  });

  it("exist only if there are several machines", () => {
    const one = own.map((us, index) => run(index, [{ us }, { backend: "tfjs-cpu", us }]));
    expect(collectSeries(one).map(({ kind }) => kind)).not.toContain("ratio");
  });
});

describe("ratios on machines where a cell has a level of its own", () => {
  const pools = Object.keys(POOLS) as Pool[];

  it.each(pools)("have at most 4 false alarms in 1,000 flat series: %s", (pool) => {
    for (const runs of [15, 60]) expect(falseAlarmsOfRatios(pool, runs, 1000)).toBeLessThanOrEqual(4);
  });

  it("have the false alarms that docs/history.md says", { tags: "nightly" }, () => {
    const docs = readFileSync(new URL("../../../docs/history.md", import.meta.url), "utf8");
    const tabled = docs.split("\n").map((line) => line.replace(/ +/g, " ").trim());
    const rows = pools.map((pool) => {
      const rates = [15, 60, 300].map((runs) => falseAlarmsOfRatios(pool, runs, 2000).toFixed(1));
      return `| ${[pool, ...rates].join(" | ")} |`;
    });
    expect(rows.filter((line) => !tabled.includes(line))).toEqual([]);
  });

  it.each(["six machines in turns", "one of six replaced halfway"] as const)(
    "show a change of one cell, with its size: %s",
    (pool) => {
      const slowed = "backend-3 manual/fused";
      const factor = (run: number, name: string) => (run >= 40 && name === slowed ? 1.2 : 1);
      const changed = trackRatios(simulateRuns(pool, { runs: 60, seed: 1, factor })).filter(
        ({ changes }) => changes.length > 0,
      );
      expect(changed.map(({ name }) => name)).toEqual([`${slowed} float32 square / ${REFERENCE}`]);
      const [change] = changed[0]?.changes ?? [];
      expect(change).toMatchObject({ verdict: "regression" });
      expect(Math.abs((change?.at ?? 0) - 40)).toBeLessThanOrEqual(1);
      expect(change?.size).toBeGreaterThan(0.17);
      expect(change?.size).toBeLessThan(0.23);
    },
  );

  it("improve together if the reference became slower, and get worse if it became faster", () => {
    for (const [factor, verdict] of [
      [1.2, "improvement"],
      [0.8, "regression"],
    ] as const) {
      const runs = simulateRuns("six machines in turns", {
        runs: 60,
        seed: 2,
        factor: (run, name) => (run >= 40 && name === REFERENCE ? factor : 1),
      });
      const [shared, ...others] = findSharedChanges(trackRatios(runs));
      expect(others).toEqual([]);
      expect(shared).toMatchObject({
        reference: `${REFERENCE} float32 square`,
        ratios: 40,
        change: { verdict },
      });
      expect(shared?.changed).toBeGreaterThan(36);
      expect(Math.abs((shared?.change.at ?? 0) - 40)).toBeLessThanOrEqual(1);
    }
  });

  it("do not change together if fewer than half of them do, at different runs, or only one is there", () => {
    const shared = (factor: (run: number, name: string) => number, isKept = (_: string) => true) =>
      findSharedChanges(
        trackRatios(
          simulateRuns("six machines in turns", { runs: 60, seed: 3, factor }).map((run) => ({
            ...run,
            cells: run.cells.filter(({ key }) => isKept(key)),
          })),
        ),
      );
    const isEven = (name: string) => /[02468] /.test(name);
    expect(shared((run, name) => (run >= 40 && isEven(name) ? 0.8 : 1))).toEqual([]);
    expect(shared((run, name) => (run >= (isEven(name) ? 20 : 40) ? 0.8 : 1))).toEqual([]);
    const isAlone = (name: string) => name.startsWith(REFERENCE) || name.startsWith("backend-3 ");
    expect(shared((run, name) => (run >= 40 && name === REFERENCE ? 1.2 : 1), isAlone)).toEqual([]);
  });
});

it("tracks 400 cells over 300 runs, half of which change, in less than 10 s of processor time", {
  tags: "nightly",
}, () => {
  const normal = normalSource("many", 1);
  const runs = Array.from({ length: 300 }, (_, index) =>
    run(
      index,
      Array.from({ length: 400 }, (_, place) => ({
        workload: `w${place}`,
        us: 100 * Math.exp(0.02 * normal()) * (place % 2 === 0 && index >= 100 + place / 4 ? 1.2 : 1),
        error: 1e-7,
      })),
    ),
  );
  const before = process.cpuUsage();
  const tracked = trackChanges(collectSeries(runs));
  const { user, system } = process.cpuUsage(before);
  expect(tracked).toHaveLength(800);
  const changed = tracked.filter(({ state }) => state === "changed");
  expect(changed.length).toBeGreaterThanOrEqual(200);
  expect(changed.length).toBeLessThan(205);
  expect((user + system) / 1e6).toBeLessThan(10);
});
