import { normalSource, uniformSource } from "@softmax-bench/core";
import { collectSeries, type HistoryRun, trackChanges } from "@softmax-bench/regression";

/** Cells of a history, besides the reference. */
const CELLS = 40;
/** Standard deviations of the logarithm of a time: from run to run, and of a cell from machine to machine. */
const [NOISE, LEVELS] = [0.02, 0.2];

export const REFERENCE = "reference manual/fused";

/** The machine of a run, by the index of the run, the number of runs, and a draw from 0 to 1. */
export const POOLS = {
  "six machines in turns": (_index: number, _runs: number, draw: number) => Math.floor(6 * draw),
  "one of six replaced halfway": (index: number, runs: number, draw: number) => {
    const machine = Math.floor(6 * draw);
    return machine === 0 && index >= runs / 2 ? 6 : machine;
  },
  "three replaced by three halfway": (index: number, runs: number, draw: number) =>
    Math.floor(3 * draw) + (index >= runs / 2 ? 3 : 0),
} as const;

export type Pool = keyof typeof POOLS;

interface Simulation {
  readonly runs: number;
  readonly seed: number;
  /** The factor on a cell's time in a run. */
  readonly factor?: (run: number, name: string) => number;
}

/** Runs of 40 cells and a reference, each on a machine of the pool, where each cell has a level of its own. */
export function simulateRuns(pool: Pool, { runs, seed, factor = () => 1 }: Simulation): HistoryRun[] {
  const [normal, uniform] = [normalSource("times", seed), uniformSource("machines", seed)];
  const names = [REFERENCE, ...Array.from({ length: CELLS }, (_, index) => `backend-${index} manual/fused`)];
  const levels = Array.from({ length: 7 }, () => names.map(() => LEVELS * normal()));
  return Array.from({ length: runs }, (_, index) => {
    const machine = POOLS[pool](index, runs, uniform());
    const where = `machine ${machine}`;
    const startedAt = new Date(Date.UTC(2026, 0, 1) + index * 86_400_000).toISOString();
    return {
      run: { id: `run-${index}`, startedAt, commit: `commit-${index}` },
      profile: "default",
      environment: { cpu: where, cores: 2, os: "linux", node: "v20.19.0", versions: {} },
      backends: [],
      isBusy: false,
      unsettled: 0,
      unfinished: 0,
      cells: names.map((name, place) => ({
        backend: name.replace(/ .*/, ""),
        method: "manual/fused",
        dtype: "float32",
        workload: "square",
        key: `${name} float32 square`,
        machine: where,
        where,
        ns: 1e5 * factor(index, name) * Math.exp((levels[machine]?.[place] ?? 0) + NOISE * normal()),
      })),
    };
  });
}

/** The ratios of simulated runs to the reference, with their changes. */
export const trackRatios = (runs: readonly HistoryRun[], leastChange?: number) =>
  trackChanges(
    collectSeries(runs, REFERENCE).filter(({ kind }) => kind === "ratio"),
    leastChange,
  );

/** False alarms in 1,000 flat ratios, in histories of 40, of changes of any size. */
export function falseAlarmsOfRatios(pool: Pool, runs: number, series: number): number {
  let found = 0;
  for (let seed = 0; seed < series / CELLS; seed++) {
    const tracked = trackRatios(simulateRuns(pool, { runs, seed }), 0);
    found += tracked.filter(({ changes }) => changes.length > 0).length;
  }
  return (1000 * found) / series;
}
