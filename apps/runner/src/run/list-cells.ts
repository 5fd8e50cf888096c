import { writeFileSync } from "node:fs";
import { plural, type Shard } from "@softmax-bench/core";
import type { Settings } from "../plan/options.js";
import {
  curveCellKey,
  hasTask,
  keyOf,
  type PlannedCell,
  type PlannedCurve,
  planCells,
  planCurves,
} from "../plan/plan.js";
import { PROFILES } from "../plan/profiles.js";
import { assertRunnable, backendsOf } from "../plan/runnable.js";
import type { Selection } from "../plan/selection.js";
import { shardWork } from "../plan/shard-work.js";
import { type Console, writeLine } from "../terminal/console.js";
import { EXIT } from "../terminal/errors.js";

/** Prints the cells that a run would measure, one per line. @param file receives them, too, as JSON */
export async function listCells(
  selection: Selection,
  { profile, seed }: Settings,
  shard: Shard,
  console: Console,
  file?: string,
): Promise<number> {
  const whole = planCells(selection);
  const curves = planCurves(selection, selection.sweeps);
  await assertRunnable([...whole, ...curves]);
  const backends = await backendsOf([...whole, ...curves]);
  const { cells: planned } = await shardWork(whole, shard, {
    profile: PROFILES[profile],
    seed,
    backends,
  });
  const isThere = (work: PlannedCell | PlannedCurve) => {
    const backend = backends.get(work.backend);
    return backend !== undefined && hasTask(backend, work);
  };
  const keys = [...planned.filter(isThere).map(keyOf), ...curves.filter(isThere).map(curveCellKey)];
  if (file !== undefined) writeFileSync(file, `${JSON.stringify({ cells: keys })}\n`);
  for (const key of keys) writeLine(console.stdout, key);
  const unsupported = planned.length + curves.length - keys.length;
  const rest = unsupported ? `; ${unsupported} more would be recorded as unsupported` : "";
  writeLine(console.stderr, `${plural(keys.length, "cell")}${rest}`);
  return EXIT.ok;
}
