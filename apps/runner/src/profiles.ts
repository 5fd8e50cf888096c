/** How long one phase of one cell is sampled. Times in nanoseconds. */
export interface SamplingLimits {
  /** The phase runs unmeasured for this long first, and at least twice (once if that takes a second). */
  readonly warmupNs: number;
  /** Sampling goes on until it has taken this long … */
  readonly budgetNs: number;
  /** … and there are this many samples … */
  readonly minSamples: number;
  /** … but a slow phase ends early when this is used up: then there are fewer samples … */
  readonly capNs: number;
  /** … though never fewer than this. */
  readonly floorSamples: number;
  readonly maxSamples: number;
}

export interface Profile {
  readonly id: "smoke" | "default" | "full" | "gate";
  readonly summary: string;
  readonly workloads: readonly string[];
  /** Fresh processes that each cell is measured in. */
  readonly processes: number;
  /** A cell that takes longer is given up, in milliseconds. */
  readonly cellTimeoutMs: number;
  /** A cell whose first round trip takes longer, in nanoseconds, is measured by that one: it has no other sample. */
  readonly onceNs: number;
  /** A cell whose gradient takes longer, in nanoseconds, is measured by a few round trips only. */
  readonly slowNs: number;
  /** Round trips of a slow cell. */
  readonly slowSamples: number;
  /** The gradient phase alone is timed, and gradients are not compared with anything: they only leave their digests. */
  readonly timesOnly?: boolean;
  /** Most elements of a workload that a backend is given, for backends that take seconds for larger ones. */
  readonly largest: Readonly<Record<string, number>>;
  /** The gradient is what the tables rank; the other phases get a smaller share. */
  readonly limits: { readonly gradient: SamplingLimits; readonly other: SamplingLimits };
}

const MS = 1e6;
const MATRIX = ["cifar-head", "imagenet-head", "vocab", "seed-3200"];

export const PROFILES: Readonly<Record<Profile["id"], Profile>> = {
  smoke: {
    id: "smoke",
    summary: "small shapes, seconds: does everything work?",
    workloads: ["cifar-head-16", "imagenet-head-16", "vocab-1", "seed-128"],
    processes: 1,
    cellTimeoutMs: 10_000,
    onceNs: 300 * MS,
    slowNs: 30 * MS,
    slowSamples: 2,
    largest: {},
    limits: {
      gradient: {
        warmupNs: 2 * MS,
        budgetNs: 10 * MS,
        minSamples: 6,
        capNs: 100 * MS,
        floorSamples: 3,
        maxSamples: 200,
      },
      other: {
        warmupNs: 0,
        budgetNs: 2 * MS,
        minSamples: 3,
        capNs: 30 * MS,
        floorSamples: 2,
        maxSamples: 50,
      },
    },
  },
  default: {
    id: "default",
    summary: "the matrix in one process per backend, minutes",
    workloads: MATRIX,
    processes: 1,
    cellTimeoutMs: 120_000,
    onceNs: 250 * MS,
    slowNs: 60 * MS,
    slowSamples: 1,
    largest: { "tfjs-cpu": 1e6 },
    limits: {
      gradient: {
        warmupNs: 10 * MS,
        budgetNs: 40 * MS,
        minSamples: 6,
        capNs: 150 * MS,
        floorSamples: 3,
        maxSamples: 500,
      },
      other: {
        warmupNs: 3 * MS,
        budgetNs: 8 * MS,
        minSamples: 3,
        capNs: 50 * MS,
        floorSamples: 1,
        maxSamples: 200,
      },
    },
  },
  full: {
    id: "full",
    summary: "the matrix in six fresh processes, intervals over process medians",
    workloads: MATRIX,
    processes: 6,
    cellTimeoutMs: 300_000,
    onceNs: Number.POSITIVE_INFINITY,
    slowNs: Number.POSITIVE_INFINITY,
    slowSamples: 3,
    largest: {},
    limits: {
      gradient: {
        warmupNs: 200 * MS,
        budgetNs: 1000 * MS,
        minSamples: 6,
        capNs: 5000 * MS,
        floorSamples: 3,
        maxSamples: 500,
      },
      other: {
        warmupNs: 100 * MS,
        budgetNs: 300 * MS,
        minSamples: 3,
        capNs: 2000 * MS,
        floorSamples: 3,
        maxSamples: 200,
      },
    },
  },
  gate: {
    id: "gate",
    summary: "times of gradients and their digests, fast: one of the many processes of pnpm gate",
    workloads: MATRIX,
    processes: 1,
    cellTimeoutMs: 30_000,
    onceNs: Number.POSITIVE_INFINITY,
    slowNs: Number.POSITIVE_INFINITY,
    slowSamples: 1,
    timesOnly: true,
    largest: { "tfjs-cpu": 0.3e6, "onnxruntime-webgpu": 1e6 },
    limits: {
      gradient: {
        warmupNs: 5 * MS,
        budgetNs: 60 * MS,
        minSamples: 3,
        capNs: 100 * MS,
        floorSamples: 1,
        maxSamples: 2000,
      },
      other: {
        warmupNs: 0,
        budgetNs: 0,
        minSamples: 1,
        capNs: 0,
        floorSamples: 1,
        maxSamples: 1,
      },
    },
  },
};
