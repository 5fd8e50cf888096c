import type { Cell, Precision, Results, Scaling, Timing } from "@softmax-bench/core";

/** Results of a made-up machine, in the format's own types. */

const timing = (ms: number, samples = 9): Timing => ({
  medianNs: 1e6 * ms,
  madNs: 1e4 * ms,
  ci95Ns: [0.98e6 * ms, 1.02e6 * ms],
  coverage: 0.96,
  scope: "process",
  samples: Array.from({ length: samples }, (_, index) => 1e6 * ms * (0.97 + 0.0075 * (index % 9))),
});

interface Made {
  readonly ms: number;
  readonly maxUlp: number;
  readonly roundtripMs?: number;
  readonly relL2?: number;
}

export const cell = (
  backend: string,
  method: string,
  { ms, maxUlp, roundtripMs = 4 * ms, relL2 = maxUlp * 1e-8 }: Made,
  over: Partial<Cell> = {},
): Cell => ({
  backend,
  method,
  dtype: "float32",
  workload: "seed-3200",
  status: "ok",
  timing: {
    forward: timing(ms / 2),
    gradient: timing(ms),
    readback: timing(ms),
    roundtrip: timing(roundtripMs),
  },
  loss: 8.5,
  accuracy: {
    lossRelError: 1e-8,
    gradient: {
      relL2,
      maxAbs: 1e-9,
      sumAbs: 1e-6,
      maxUlp,
      p99Ulp: maxUlp / 2,
      nonFinite: 0,
      rowSumResidual: 1e-8,
    },
  },
  gradientDigest: `sha256:${"0".repeat(64)}`,
  ...over,
});

const backend = (
  id: string,
  kind: "cpu" | "gpu",
  code: "native" | "webassembly",
): Results["backends"][number] => ({
  id,
  status: "available",
  threads: 2,
  coldStartNs: 4e8,
  peakRssBytes: 3e8,
  engine: { name: id, version: "1.2.3", code },
  device: { kind, name: "some device" },
});

export const REASON = "this runtime has no such operator";

/** Three backends that a reader's constraints tell apart; `on-gpu` is fast but coarse, `in-wasm` has the shortest round trip. */
export const results = (over: Partial<Results> = {}): Results => ({
  schemaVersion: 1,
  run: {
    id: "20260101-000000-default",
    profile: "default",
    argv: [],
    commit: "abc1234",
    cellsPlanned: 7,
    startedAt: "2026-01-01T00:00:00.000Z",
    finishedAt: "2026-01-01T00:02:00.000Z",
    status: "complete",
  },
  environment: {
    cpu: "Some CPU",
    cores: 2,
    memoryBytes: 2 ** 33,
    os: "Linux",
    node: "v20.19.0",
    versions: {},
    cacheBytes: 2 ** 25,
    copyBandwidth: [
      { threads: 1, bytesPerSecond: 1e10 },
      { threads: 2, bytesPerSecond: 2e10 },
    ],
  },
  workloads: [
    {
      id: "seed-3200",
      summary: "the original experiment",
      rows: 3200,
      classes: 3200,
      scale: 1,
      margin: 0,
      labels: "diagonal",
    },
    {
      id: "cifar-head",
      summary: "a small one",
      rows: 128,
      classes: 10,
      scale: 2,
      margin: 3,
      labels: "uniform",
    },
  ],
  backends: [
    backend("on-gpu", "gpu", "native"),
    backend("on-cpu", "cpu", "native"),
    backend("in-wasm", "cpu", "webassembly"),
  ],
  cells: [
    cell("on-gpu", "manual/fused", { ms: 2, maxUlp: 60, roundtripMs: 50 }),
    cell("on-cpu", "manual/fused", { ms: 6, maxUlp: 12, roundtripMs: 40 }),
    cell("on-cpu", "autograd/naive", { ms: 30, maxUlp: 4, roundtripMs: 90 }),
    cell("in-wasm", "manual/fused", { ms: 9, maxUlp: 20, roundtripMs: 12 }),
    cell("in-wasm", "autograd/naive", { ms: 90, maxUlp: 5, roundtripMs: 100 }),
    {
      backend: "on-gpu",
      method: "autograd/naive",
      dtype: "float32",
      workload: "seed-3200",
      status: "unsupported",
      reason: REASON,
    },
    cell("on-cpu", "manual/fused", { ms: 0.02, maxUlp: 3 }, { workload: "cifar-head" }),
    cell("on-cpu", "manual/fused", { ms: 12, maxUlp: 5, relL2: 4e-17 }, { dtype: "float64" }),
  ],
  distances: [
    {
      backend: "on-cpu",
      dtype: "float32",
      workload: "seed-3200",
      a: "manual/fused",
      b: "autograd/naive",
      sumAbs: 9.8e-8,
      maxAbs: 1e-10,
      relL2: 4e-8,
      maxUlp: 9,
      speedup: 5,
    },
  ],
  ...over,
});

/** Times of one method with one thread and with two: 2 µs a call, 10 and 20 GB/s. */
export const scaling = (backend = "on-cpu", method = "manual/fused"): Scaling => ({
  series: [1, 2].map((threads) => ({
    backend,
    method,
    dtype: "float32",
    threads,
    status: "ok",
    points: [
      ...[1, 64, 4096].map((rows) => ({
        rows,
        classes: 1000,
        medianNs: 2000 + (0.8 * rows * 1000) / threads,
        samples: 9,
      })),
      { rows: 65_536, classes: 1000, samples: 0, reason: REASON },
    ],
    fit: { overheadNs: 2000, rowNs: 0, bytesPerSecond: 1e10 * threads, relativeError: 0.01 },
    memory: {
      beforeBytes: 1e8,
      points: [1, 2, 4].map((size) => ({
        elements: size * 1e6,
        heldBytes: 1e8 + size * 8e6,
        afterBytes: 1e8,
      })),
      repeatedBytes: 1e8,
    },
  })),
  threading: [{ backend, method, dtype: "float32", threads: 2, fromElements: 64_000, best: 1.9 }],
});

/** Curves of one method: it holds for confident logits, and leaves 4 ULP at a standard deviation of 30. */
export const precision = (backend: string, method: string): Precision => {
  const point = (x: number, p99Ulp: number) => ({
    x,
    p99Ulp,
    maxUlp: 2 * p99Ulp,
    lossRelError: 1e-8,
    relL2: 1e-8,
    maxAbs: 1e-9,
    sumAbs: 1e-6,
    nonFinite: 0,
    rowSumResidual: 1e-8,
  });
  const curve = { backend, method, dtype: "float32", status: "ok" } as const;
  return {
    ulpLimit: 4,
    sweeps: [
      { id: "confidence", summary: "a network that is right", axis: "margin" },
      { id: "scale", summary: "growing logits", axis: "standard deviation" },
    ],
    curves: [
      { ...curve, sweep: "confidence", points: [point(0, 1), point(40, 4)] },
      { ...curve, sweep: "scale", points: [point(1, 1), point(30, 31), point(100, 90)] },
    ],
  };
};

/** 5,000 cells: ten backends, ten methods, two dtypes, 25 workloads. */
export function manyCells(): Cell[] {
  const each = <T>(length: number, of: (index: number) => T[]): T[] =>
    Array.from({ length }, (_, index) => of(index)).flat();
  return each(10, (b) =>
    each(10, (m) =>
      each(25, (w) =>
        (["float32", "float64"] as const).map((dtype) =>
          cell(
            `backend-${b}`,
            `manual/method-${m}`,
            { ms: 1 + b + m + w, maxUlp: 1 + m },
            { workload: `${w + 1}x1000`, dtype },
          ),
        ),
      ),
    ),
  );
}
