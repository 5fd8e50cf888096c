import { cellKey, findWorkload, parsePlace } from "@softmax-bench/core";
import { cellId, lowerDecile } from "@softmax-bench/regression";
import { UsageError } from "../../../terminal/errors.js";
import { countIn, measureIn, type PassOptions } from "../../checkout.js";
import { injectedCheckout, THIS_CHECKOUT } from "../injected-checkout.js";
import type { Injection } from "../injection.js";
import { type Measure, SLOWDOWNS } from "./design.js";
import type { AddedWork, Enlarged } from "./journal.js";

/** Rounds of arithmetic whose instructions are counted. */
const COUNTED_ROUNDS = 100_000;
/** Processes that measure how long calls take; the fastest counts. */
const TIMING_PROCESSES = 3;
/** The added gradient has half of a cell's rows and these multiples of its classes: from a call that computes next to nothing to about two calls. */
const ADDED_ROWS = 1 / 2;
const ADDED_CLASSES = [0, 1 / 2, 2];
/** The fewest classes of a workload. */
const FEWEST_CLASSES = 2;

type Options = Pick<PassOptions, "patience" | "signal"> & { readonly say: (line: string) => void };

/** The work that slows each cell down, by its amount; a cell that cannot be slowed is left out, and `say` has the reason. */
export const measureWork = (
  measure: Measure,
  cells: readonly string[],
  options: Options,
): Promise<Record<string, AddedWork>> =>
  measure === "time" ? enlargedCalls(cells, options) : arithmeticOfCalls(cells, options);

/** The defect that slows every cell by its share. */
export function slowing(
  work: Readonly<Record<string, AddedWork>>,
  slowdownOf: (cell: string) => number,
): Injection {
  const rounds: Record<string, number> = {};
  const also: Record<string, string> = {};
  for (const [cell, added] of Object.entries(work)) {
    if (typeof added === "number") rounds[workKey(cell)] = Math.round(added * slowdownOf(cell));
    else also[workKey(cell)] = addedWorkload(cell, classesFor(added, slowdownOf(cell)));
  }
  return { rounds, also };
}

/** Times of calls that compute a second gradient, too: the sums of the times of both, each measured by itself. */
async function enlargedCalls(
  cells: readonly string[],
  { say, ...options }: Options,
): Promise<Record<string, Enlarged[]>> {
  const added = cells.map((cell) => ({
    cell,
    calls: ADDED_CLASSES.map((share) => {
      const classes = Math.max(FEWEST_CLASSES, Math.round(share * shapeOf(cell).classes));
      return { classes, key: cellKey({ ...cellId(cell), workload: addedWorkload(cell, classes) }) };
    }),
  }));
  const keys = added.flatMap(({ cell, calls }) => [cell, ...calls.map(({ key }) => key)]);
  const times = await fastestTimes(keys, options);
  const work: Record<string, Enlarged[]> = {};
  for (const { cell, calls } of added) {
    const sums = calls.map(({ classes, key }) => ({
      classes,
      ns: (times.get(cell) ?? Number.NaN) + (times.get(key) ?? Number.NaN),
    }));
    const points = growing(sums);
    if (sums.some(({ ns }) => Number.isNaN(ns))) say(`left out, since it has no time: ${cell}`);
    else if (!points) say(`left out, since more work does not take long enough: ${cell}`);
    else work[cell] = points;
  }
  return work;
}

/** The lower decile of each cell in the fastest of some processes, in ns. */
async function fastestTimes(
  cells: readonly string[],
  options: Pick<PassOptions, "patience" | "signal">,
): Promise<ReadonlyMap<string, number>> {
  const times = new Map<string, number>();
  for (let process = 0; process < TIMING_PROCESSES; process++) {
    const pass = { ...options, profile: "gate", cells, seed: process, threads: 1 } as const;
    for (const cell of (await measureIn(THIS_CHECKOUT, pass)).cells) {
      for (const time of lowerDecile(cell)) {
        times.set(cellKey(cell), Math.min(time, times.get(cellKey(cell)) ?? time));
      }
    }
  }
  return times;
}

/**
 * The first and the last point, and those between them in time, too; undefined unless the last one is slower by more than any slowdown of a curve.
 */
export function growing(points: readonly Enlarged[]): Enlarged[] | undefined {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last || !(last.ns >= first.ns * (1 + Math.max(...SLOWDOWNS.time)))) return undefined;
  const kept = [first];
  for (const point of points.slice(1, -1)) {
    if (point.ns > (kept.at(-1) as Enlarged).ns && point.ns < last.ns) kept.push(point);
  }
  return [...kept, last];
}

/**
 * Classes of the added gradient that make a call slower than the first of these calls by a share, on straight lines between them.
 *
 * @param points growing in both
 * @throws RangeError if no two of them are around that time
 */
export function classesFor(points: readonly Enlarged[], slowdown: number): number {
  const wanted = (points[0]?.ns ?? Number.NaN) * (1 + slowdown);
  const end = points.findIndex(({ ns }, index) => index > 0 && ns >= wanted);
  const [from, to] = [points[end - 1], points[end]];
  if (!from || !to || to.ns <= from.ns) {
    throw new RangeError(`expected calls around ${wanted} ns, got ${JSON.stringify(points)}`);
  }
  return Math.round(from.classes + ((wanted - from.ns) / (to.ns - from.ns)) * (to.classes - from.classes));
}

async function arithmeticOfCalls(
  cells: readonly string[],
  { say: _, ...options }: Options,
): Promise<Record<string, number>> {
  const { cells: counted } = await countIn(THIS_CHECKOUT, cells, options);
  const known = counted.flatMap(({ cell, instructions }) =>
    instructions === undefined ? [] : [{ cell, instructions }],
  );
  // Of few instructions, of which the arithmetic is a large part.
  const [probe] = known.toSorted((a, b) => a.instructions - b.instructions);
  if (!probe) throw new UsageError(`no instructions were counted: ${counted[0]?.reason ?? "no cell was"}`);
  using copy = injectedCheckout("calibration", { rounds: { [workKey(probe.cell)]: COUNTED_ROUNDS } });
  const [spinning] = (await countIn(copy, [probe.cell], options)).cells;
  if (!spinning?.instructions) throw new UsageError(`${probe.cell} with more work: ${spinning?.reason}`);
  const perRound = (spinning.instructions - probe.instructions) / COUNTED_ROUNDS;
  return Object.fromEntries(known.map(({ cell, instructions }) => [cell, instructions / perRound]));
}

function shapeOf(key: string): { readonly rows: number; readonly classes: number } {
  const { workload } = cellId(key);
  const found = findWorkload(workload);
  if (!found) throw new Error(`there is no workload ${workload}`);
  return found;
}

const addedWorkload = (cell: string, classes: number): string =>
  `${Math.ceil(ADDED_ROWS * shapeOf(cell).rows)}x${classes}`;

/** The key of a cell in an `Injection`, which an engine knows it by. */
function workKey(key: string): string {
  const { backend: place, method, dtype } = cellId(key);
  const { rows, classes } = shapeOf(key);
  return `${parsePlace(place).backend} ${method} ${dtype} ${rows}x${classes}`;
}
