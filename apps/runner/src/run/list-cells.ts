import { writeFileSync } from "node:fs";
import { plural, type Shard } from "@softmax-bench/core";
import type { Settings } from "../plan/options.js";
import { hasTask, keyOf, planCells } from "../plan/plan.js";
import { PROFILES } from "../plan/profiles.js";
import { assertRunnable, backendsOf } from "../plan/runnable.js";
import type { Selection } from "../plan/selection.js";
import { shardWork } from "../plan/split.js";
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
  await assertRunnable(whole);
  const backends = await backendsOf(whole);
  const { cells: planned } = await shardWork(whole, shard, {
    profile: PROFILES[profile],
    seed,
    backends,
  });
  const cells = planned.filter((cell) => {
    const backend = backends.get(cell.backend);
    return backend !== undefined && hasTask(backend, cell);
  });
  const keys = cells.map(keyOf);
  if (file !== undefined) writeFileSync(file, `${JSON.stringify({ cells: keys })}\n`);
  for (const key of keys) writeLine(console.stdout, key);
  const unsupported = planned.length - cells.length;
  const rest = unsupported ? `; ${unsupported} more would be recorded as unsupported` : "";
  writeLine(console.stderr, `${plural(cells.length, "cell")}${rest}`);
  return EXIT.ok;
}
