import { cellKey, findWorkload, parsePlace } from "@softmax-bench/core";
import { cellId, lowerDecile } from "@softmax-bench/regression";
import { UsageError } from "../../../terminal/errors.js";
import { countIn, measureIn, type PassOptions } from "../../checkout.js";
import { injectedCheckout, THIS_CHECKOUT } from "../injected-checkout.js";
import type { Injection } from "../injection.js";
import type { Measure } from "./design.js";
import type { AddedWork, Enlarged } from "./journal.js";

/** Rounds of arithmetic whose instructions are counted. */
const COUNTED_ROUNDS = 100_000;
/** Processes that measure how long each enlarged call takes; the fastest counts. */
const TIMING_PROCESSES = 3;
/** The added gradient has a quarter of a cell's rows and these shares of its classes: from next to nothing to a quarter of a call. */
const ADDED_ROWS = 1 / 4;
const ADDED_CLASSES = [0, 1 / 2, 1];
/** The fewest classes of a workload. */
const FEWEST_CLASSES = 2;

type Options = Pick<PassOptions, "patience" | "signal">;

/** The work that slows each cell down, by its amount; without cells that cannot be measured. */
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

/**
 * Times of calls that compute further rows, too, in the same kernels: the sums of the times of both, measured beside each other in the same
 * processes, so that what disturbs a call for a moment is no large part of the difference.
 */
async function enlargedCalls(
  cells: readonly string[],
  options: Options,
): Promise<Record<string, Enlarged[]>> {
  const classesOf = (cell: string, share: number) =>
    Math.max(FEWEST_CLASSES, Math.round(share * shapeOf(cell).classes));
  const added = new Map(
    cells.map((cell) => {
      const id = cellId(cell);
      const classes = ADDED_CLASSES.map((share) => classesOf(cell, share));
      const keys = classes.map((count) => cellKey({ ...id, workload: addedWorkload(cell, count) }));
      return [cell, classes.map((count, index) => ({ classes: count, key: keys[index] as string }))];
    }),
  );
  const all = [...added].flatMap(([cell, calls]) => [cell, ...calls.map(({ key }) => key)]);
  const times = new Map<string, number>();
  for (let process = 0; process < TIMING_PROCESSES; process++) {
    const pass = { ...options, profile: "gate", cells: all, seed: process, threads: 1 } as const;
    for (const cell of (await measureIn(THIS_CHECKOUT, pass)).cells) {
      for (const time of lowerDecile(cell)) {
        times.set(cellKey(cell), Math.min(time, times.get(cellKey(cell)) ?? time));
      }
    }
  }
  const timeOf = (key: string): number => times.get(key) ?? Number.NaN;
  return Object.fromEntries(
    [...added]
      .map(([cell, calls]) => {
        const sums = calls.map(({ classes, key }) => ({ classes, ns: timeOf(cell) + timeOf(key) }));
        return [cell, growing(sums.filter(({ ns }) => ns > 0))] as const;
      })
      .filter(([, { length }]) => length > 1),
  );
}

/** Those that take longer than all with fewer classes: noise may hide a small difference. */
const growing = (points: readonly Enlarged[]): Enlarged[] =>
  points.filter(({ ns }, index) => points.slice(0, index).every((before) => before.ns < ns));

/**
 * Classes of the added gradient that make a call slower than the first of these calls by a share, between measured ones on a
 * straight line, and beyond the last one on the last such line.
 *
 * @param points two or more, growing in both
 */
export function classesFor(points: readonly Enlarged[], slowdown: number): number {
  const [first] = points;
  if (!first || points.length < 2) throw new RangeError(`expected two points or more, got ${points.length}`);
  const wanted = first.ns * (1 + slowdown);
  const after = points.findIndex(({ ns }, index) => index > 0 && ns >= wanted);
  const end = after < 0 ? points.length - 1 : after;
  const [from, to] = [points[end - 1], points[end]] as [Enlarged, Enlarged];
  return Math.round(from.classes + ((wanted - from.ns) / (to.ns - from.ns)) * (to.classes - from.classes));
}

async function arithmeticOfCalls(
  cells: readonly string[],
  options: Options,
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
