import {
  type Cell,
  type Curve,
  cellKey,
  placeName,
  type Results,
  type Steadiness,
  type Timing,
} from "@softmax-bench/core";
import { median, summarize } from "@softmax-bench/stats";
import { isCurve } from "./curves.js";
import { collectDigests, groupCells, isTimed, type ProcessRun } from "./process-run.js";

/** Merges all passes of one side into one results file: a cell's observations are the medians of its processes. */
export function mergedSide(passes: readonly ProcessRun[], side: "baseline" | "candidate"): Results {
  const own = passes.filter(({ role }) => (role === "candidate") === (side === "candidate"));
  const [first] = own;
  if (!first) throw new RangeError(`no pass of the ${side}`);
  const timed = groupCells(passes.filter(isTimed), side);
  const all = groupCells(passes, side);
  const workloads = firstOfEach(
    own,
    ({ workloads = [] }) => workloads,
    ({ id }) => id,
  );
  return {
    ...first.results,
    run: {
      ...first.results.run,
      finishedAt: own.at(-1)?.results.run.finishedAt ?? first.results.run.finishedAt,
    },
    ...(workloads.length ? { workloads } : {}),
    backends: firstOfEach(
      own,
      ({ backends }) => backends,
      (backend) => placeName({ ...backend, backend: backend.id }),
    ),
    cells: [...all]
      .filter(([, cells]) => !cells.some(isCurve))
      .map(([key, cells]) => mergedCell(cells, timed.get(key) ?? [])),
    ...mergedCurves(own),
    distances: [],
  };
}

/** The records of all passes: of several with one key, the first. */
function firstOfEach<T>(
  passes: readonly ProcessRun[],
  recordsOf: (results: Results) => readonly T[],
  keyOf: (record: T) => string,
): T[] {
  const found = new Map<string, T>();
  for (const record of passes.flatMap(({ results }) => recordsOf(results))) {
    if (!found.has(keyOf(record))) found.set(keyOf(record), record);
  }
  return [...found.values()];
}

/** The curves of all passes: of each the latest, whose errors are known if any are. */
function mergedCurves(passes: readonly ProcessRun[]): Pick<Results, "precision"> {
  const sections = passes.flatMap(({ results: { precision } }) => precision ?? []);
  const [first] = sections;
  if (!first) return {};
  const key = ({ sweep, ...curve }: Curve) => cellKey({ ...curve, workload: sweep });
  const latest = new Map(sections.flatMap(({ curves }) => curves.map((curve) => [key(curve), curve])));
  const sweeps = firstOfEach(
    passes,
    ({ precision }) => precision?.sweeps ?? [],
    ({ id }) => id,
  );
  return { precision: { ...first, sweeps, curves: [...latest.values()] } };
}

/** Represents a cell by a failure in any process, or else by its least accurate gradient. */
function mergedCell(cells: readonly Cell[], timed: readonly Cell[]): Cell {
  const relL2 = ({ accuracy }: Cell) => accuracy?.gradient.relL2 ?? -1;
  const wrong = cells.find(({ status }) => status !== "ok");
  const decisive = wrong ?? cells.reduce((worst, cell) => (relL2(cell) > relL2(worst) ? cell : worst));
  const { timing: _, nondeterministic: __, ...rest } = decisive;
  if (rest.status !== "ok") return rest;
  const processes = timed.flatMap(({ timing }) => timing?.gradient ?? []).filter(hasSamples);
  return {
    ...rest,
    ...(processes.length ? { timing: { gradient: timingOver(processes) } } : {}),
    ...(collectDigests(cells).size > 1 ? { nondeterministic: true } : {}),
  };
}

const hasSamples = ({ samples }: Timing): boolean => samples.length > 0;

/** The published times of a cell are medians; the gate's own statistic appears only in its verdicts. */
function timingOver(processes: readonly Timing[]): Timing {
  const processMedians = processes.map(({ samples }) => median(samples));
  const { median: medianNs, mad: madNs, low, high, coverage } = summarize(processMedians);
  const steadiness = leastSteady(processes);
  return {
    medianNs,
    madNs,
    n: processMedians.length,
    ...(coverage >= 0.95 ? { ci95Ns: [low, high] as [number, number] } : {}),
    coverage,
    scope: "processes",
    samples: [],
    processMedians,
    ...(steadiness ? { steadiness } : {}),
  };
}

/** The steadiness of a median over all processes: settled only if each had. Undefined if an old revision does not say. */
const leastSteady = (processes: readonly Timing[]): Steadiness | undefined =>
  (["unsettled", "untested", "settled"] as const).find((one) =>
    processes.some(({ steadiness }) => steadiness === one),
  );
