import { GRAPH_METHODS } from "@softmax-bench/core";
import type { BrowserKind } from "@softmax-bench/host-browser";

/** One job of the validation: a gate between this checkout and a copy of it with known differences. */
export interface Experiment {
  readonly id: string;
  readonly kind: "A/A" | "slowdown" | "error";
  /** Flags of `pnpm bench` that choose its cells. */
  readonly selection: readonly string[];
  /** The method that is slower in the copy, and by how much; only in a slowdown. */
  readonly method?: string;
  readonly slowdown?: number;
  /** The slowdown that the gate should detect; undefined for its default. */
  readonly maxSlowdown?: number;
  /** Seed of inputs and of the order of processes. */
  readonly seed: number;
}

export const INJECTED_ERROR = 1e-6;

/**
 * The default matrix has fewer than 400 cells. With its two small workloads once more, there are more than 400
 * comparisons. Ten slowdowns, one in each method, each on four workloads, are 40 trials: a cell is as good a trial as a
 * job. Backends alternate.
 */
const FULL: readonly Experiment[] = [
  ...GRAPH_METHODS.map(
    ({ id }, index): Experiment => ({
      id: `slowdown ${id}`,
      kind: "slowdown",
      selection: [
        ...["--backend", index % 2 ? "tfjs-wasm" : "onnxruntime-cpu", "--dtype", "float32"],
        ...["--workload", "imagenet-head,512x512,128x1000,64x4000"],
      ],
      method: id,
      slowdown: 0.1,
      seed: 100 + index,
    }),
  ),
  { id: "A/A 1", kind: "A/A", selection: [], seed: 1 },
  { id: "A/A 2", kind: "A/A", selection: ["--workload", "cifar-head,imagenet-head"], seed: 2 },
  { id: "error", kind: "error", selection: [], seed: 0 },
];

const SMALL = ["--backend", "onnxruntime-cpu", "--dtype", "float32", "--workload", "128x1000"];
const ONE_METHOD = ["--method", "manual/fused"];
const TWO_GRAPH_METHODS = ["--method", "manual/fused,manual/shifted"];

/**
 * The same three kinds in a few cells, and a slowdown and a limit that show under any load, to check that everything
 * works. Its findings prove nothing.
 */
const QUICK: readonly Experiment[] = [
  { id: "error", kind: "error", selection: SMALL, seed: 0 },
  {
    id: "slowdown manual/fused",
    kind: "slowdown",
    selection: [...SMALL, ...TWO_GRAPH_METHODS],
    method: "manual/fused",
    slowdown: 1,
    maxSlowdown: 1,
    seed: 100,
  },
  { id: "A/A 1", kind: "A/A", selection: [...SMALL, ...ONE_METHOD], maxSlowdown: 1, seed: 1 },
];

const IN_BROWSER = { comparisons: 16, trials: 16, slowdown: 0.25 };

/** A browser costs seconds a process, and its clock is coarse: fewer trials, of a larger slowdown, in calls above 0.5 ms. */
const inBrowser = (browser: BrowserKind): readonly Experiment[] => {
  const selection = [
    ...["--host", browser, "--backend", "tfjs-wasm,onnxruntime-web", "--dtype", "float32"],
    ...["--workload", "imagenet-head,512x512,128x1000,64x4000", "--method"],
  ];
  return [
    ...["manual/shifted", "autograd/shifted"].map(
      (method, index): Experiment => ({
        id: `slowdown ${method}`,
        kind: "slowdown",
        selection: [...selection, "*/shifted"],
        method,
        slowdown: IN_BROWSER.slowdown,
        maxSlowdown: IN_BROWSER.slowdown,
        seed: 200 + index,
      }),
    ),
    {
      id: "A/A",
      kind: "A/A",
      selection: [...selection, "manual/fused,autograd/log-softmax"],
      maxSlowdown: IN_BROWSER.slowdown,
      seed: 1,
    },
    { id: "error", kind: "error", selection: [...selection, "manual/*"], seed: 0 },
  ];
};

/** The experiments of a validation, and the numbers in its claims. */
export interface Validation {
  readonly experiments: readonly Experiment[];
  /** Comparisons of unchanged cells, and trials of a slowdown, that its claims need. */
  readonly comparisons: number;
  readonly trials: number;
  readonly slowdown: number;
}

/** @param browser the browser whose pages are gated, instead of processes of Node */
export function selectValidation(quick: boolean, browser: BrowserKind | undefined): Validation {
  if (quick) return { experiments: QUICK, comparisons: 1, trials: 1, slowdown: 1 };
  if (browser) return { experiments: inBrowser(browser), ...IN_BROWSER };
  return { experiments: FULL, comparisons: 400, trials: 40, slowdown: 0.1 };
}
