import { cellKey, findWorkload, parsePlace } from "@softmax-bench/core";
import { cellId, lowerDecile } from "@softmax-bench/regression";
import { UsageError } from "../../../terminal/errors.js";
import { countIn, measureIn, type PassOptions } from "../../checkout.js";
import { injectedCheckout, THIS_CHECKOUT } from "../injected-checkout.js";
import { spin } from "../injection.js";
import type { Measure } from "./design.js";

/** Rounds of arithmetic whose time, or whose instructions, are measured. */
const TIMED_ROUNDS = 1_000_000;
const COUNTED_ROUNDS = 100_000;
/** Processes that measure how long a call takes; the fastest counts. */
const TIMING_PROCESSES = 3;

type Options = Pick<PassOptions, "patience" | "signal">;

/** Rounds of arithmetic that take as much as a call, by cell: those that can be measured. */
export const measureWork = (
  measure: Measure,
  cells: readonly string[],
  options: Options,
): Promise<Record<string, number>> =>
  measure === "time" ? timedWork(cells, options) : countedWork(cells, options);

async function timedWork(cells: readonly string[], options: Options): Promise<Record<string, number>> {
  const times = new Map<string, number>();
  for (let process = 0; process < TIMING_PROCESSES; process++) {
    const pass = { ...options, profile: "gate", cells, seed: process, threads: 1 } as const;
    for (const cell of (await measureIn(THIS_CHECKOUT, pass)).cells) {
      for (const time of lowerDecile(cell)) {
        times.set(cellKey(cell), Math.min(time, times.get(cellKey(cell)) ?? time));
      }
    }
  }
  const perRound = Math.min(
    ...Array.from({ length: 50 }, () => {
      const begun = performance.now();
      spin(TIMED_ROUNDS);
      return ((performance.now() - begun) * 1e6) / TIMED_ROUNDS;
    }),
  );
  return Object.fromEntries([...times].map(([cell, time]) => [cell, time / perRound]));
}

async function countedWork(cells: readonly string[], options: Options): Promise<Record<string, number>> {
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

/** The key of a cell in `Injection.rounds`, which an engine knows it by. */
export function workKey(key: string): string {
  const { backend: place, method, dtype, workload } = cellId(key);
  const found = findWorkload(workload);
  if (!found) throw new Error(`there is no workload ${workload}`);
  return `${parsePlace(place).backend} ${method} ${dtype} ${found.rows}x${found.classes}`;
}
