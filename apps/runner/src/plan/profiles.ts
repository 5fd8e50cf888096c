import { type BackendCost, SWEEPS } from "@softmax-bench/core";
import type { CoreTimes, Sampling } from "@softmax-bench/measure";
import { sweepWorkload } from "./sweep-workload.js";

export const PROFILE_IDS = ["smoke", "default", "full", "gate", "digests"] as const;

export interface Profile extends Omit<Sampling, "phases" | keyof CoreTimes> {
  readonly id: (typeof PROFILE_IDS)[number];
  readonly summary: string;
  readonly workloads: readonly string[];
  /** The fewest fresh processes that each cell is measured in (slow ones in the first alone). */
  readonly processes: number;
  /** The most such processes, as long as the time of the run allows. */
  readonly mostProcesses: number;
  /** The number of times that a process measures each cell; slow ones once. */
  readonly passes: number;
  /** The most further times, to make up for those in which the cores were disturbed. */
  readonly retries: number;
  /** The time, in milliseconds, after which a run starts no further process for each backend. */
  readonly timeMs: number;
  /** The time after which a cell is abandoned, in milliseconds. */
  readonly cellTimeoutMs: number;
  /** True to start a browser while the one before measures, which takes a core: for times that mean little anyway. */
  readonly startsAhead?: boolean;
  /** True to keep only the digests of gradients, which are then not compared. Of times, only the gradient phase's are taken. */
  readonly digestsOnly?: boolean;
  /** True to take no times at all. */
  readonly untimed?: boolean;
  /** The most elements of a workload for a slow backend; absent for any number. */
  readonly mostElements?: (cost: BackendCost) => number | undefined;
}

const MS = 1e6;
const MINUTE_MS = 60_000;
const MATRIX = ["cifar-head", "imagenet-head", "vocab", "seed-3200"];

/** Calls are batched until the clock's 0.1 µs are a thousandth of a sample. */
const BATCH = 0.1 * MS;

const GATE: Profile = {
  id: "gate",
  summary: "times of gradients and their digests, fast: one of the many processes of the gate",
  workloads: MATRIX,
  processes: 1,
  mostProcesses: 1,
  passes: 1,
  retries: 0,
  timeMs: Number.POSITIVE_INFINITY,
  cellTimeoutMs: 30_000,
  singleShots: 1,
  digestsOnly: true,
  mostElements: (cost) => cost.mostElementsInGate,
  limits: {
    gradient: {
      warmUpNs: 0,
      settleNs: 400 * MS,
      patienceNs: 100 * MS,
      windowNs: 60 * MS,
      minSamples: 3,
      mostWindowNs: 100 * MS,
      fewestSamples: 1,
      maxSamples: 2000,
      batchNs: BATCH,
    },
    other: {
      warmUpNs: 0,
      settleNs: 0,
      patienceNs: 0,
      windowNs: 0,
      minSamples: 1,
      mostWindowNs: 0,
      fewestSamples: 1,
      maxSamples: 1,
      batchNs: 0,
    },
  },
};

export const PROFILES: Readonly<Record<Profile["id"], Profile>> = {
  smoke: {
    id: "smoke",
    summary: "small shapes, about a minute: does everything work? its times mean little",
    workloads: ["cifar-head-16", "imagenet-head-16", "vocab-1", "seed-128"],
    processes: 1,
    mostProcesses: 1,
    passes: 1,
    retries: 0,
    timeMs: MINUTE_MS,
    cellTimeoutMs: 10_000,
    startsAhead: true,
    singleShotAboveNs: 30 * MS,
    singleShots: 2,
    limits: {
      gradient: {
        warmUpNs: 0,
        settleNs: 0,
        patienceNs: 0,
        windowNs: 10 * MS,
        minSamples: 6,
        mostWindowNs: 60 * MS,
        fewestSamples: 3,
        maxSamples: 200,
        batchNs: BATCH,
      },
      other: {
        warmUpNs: 0,
        settleNs: 0,
        patienceNs: 0,
        windowNs: 2 * MS,
        minSamples: 3,
        mostWindowNs: 30 * MS,
        fewestSamples: 2,
        maxSamples: 50,
        batchNs: BATCH,
      },
    },
  },
  default: {
    id: "default",
    summary: "the matrix in several processes per backend, minutes",
    workloads: MATRIX,
    processes: 2,
    mostProcesses: 6,
    passes: 2,
    retries: 2,
    timeMs: 5 * MINUTE_MS,
    cellTimeoutMs: 120_000,
    singleShotAboveNs: 50 * MS,
    singleShots: 1,
    mostElements: (cost) => cost.mostElements,
    limits: {
      gradient: {
        warmUpNs: 2000 * MS,
        settleNs: 1000 * MS,
        patienceNs: 100 * MS,
        windowNs: 10 * MS,
        minSamples: 5,
        mostWindowNs: 200 * MS,
        fewestSamples: 3,
        maxSamples: 200,
        batchNs: BATCH,
      },
      other: {
        warmUpNs: 0,
        settleNs: 100 * MS,
        patienceNs: 0,
        windowNs: 5 * MS,
        minSamples: 5,
        mostWindowNs: 50 * MS,
        fewestSamples: 2,
        maxSamples: 200,
        batchNs: BATCH,
      },
    },
  },
  full: {
    id: "full",
    summary: "the matrix in six fresh processes, intervals over their medians; hours",
    workloads: MATRIX,
    processes: 6,
    mostProcesses: 6,
    passes: 1,
    retries: 1,
    timeMs: Number.POSITIVE_INFINITY,
    cellTimeoutMs: 300_000,
    singleShots: 3,
    limits: {
      gradient: {
        warmUpNs: 2000 * MS,
        settleNs: 10_000 * MS,
        patienceNs: 10_000 * MS,
        windowNs: 500 * MS,
        minSamples: 10,
        mostWindowNs: 5000 * MS,
        fewestSamples: 10,
        maxSamples: 2000,
        batchNs: BATCH,
      },
      other: {
        warmUpNs: 0,
        settleNs: 1000 * MS,
        patienceNs: 1000 * MS,
        windowNs: 200 * MS,
        minSamples: 10,
        mostWindowNs: 2000 * MS,
        fewestSamples: 3,
        maxSamples: 500,
        batchNs: BATCH,
      },
    },
  },
  gate: GATE,
  digests: {
    ...GATE,
    id: "digests",
    summary:
      "digests of gradients, and of those along every sweep, without times: a side of gate --error-only",
    workloads: [...MATRIX, ...SWEEPS.map(sweepWorkload)],
    untimed: true,
  },
};

/** The sampling of the gradient phase of a user's arrays, of which a command times dozens. */
export const QUICK_SAMPLING: Sampling = {
  phases: "gradient",
  singleShots: 1,
  limits: {
    gradient: {
      warmUpNs: 500 * MS,
      settleNs: 200 * MS,
      patienceNs: 100 * MS,
      windowNs: 10 * MS,
      minSamples: 5,
      mostWindowNs: 100 * MS,
      fewestSamples: 2,
      maxSamples: 200,
      batchNs: BATCH,
    },
    other: PROFILES.gate.limits.other,
  },
};

/** The sampling of a profile's cells: of all phases, or of those that a later measurement repeats; undefined if it takes no times. */
export const toSampling = (
  { singleShotAboveNs, singleShots, limits, digestsOnly, untimed }: Profile,
  phases: Sampling["phases"],
  undisturbed: CoreTimes,
): Sampling | undefined =>
  untimed
    ? undefined
    : {
        ...undisturbed,
        phases: digestsOnly ? "gradient" : phases,
        ...(singleShotAboveNs === undefined ? {} : { singleShotAboveNs }),
        singleShots,
        limits,
      };
