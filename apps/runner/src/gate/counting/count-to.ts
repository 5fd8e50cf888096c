import { writeFileSync } from "node:fs";
import { planCells } from "../../plan/plan.js";
import { assertRunnable, runnableWork } from "../../plan/runnable.js";
import type { Selection } from "../../plan/selection.js";
import type { Console } from "../../terminal/console.js";
import { EXIT } from "../../terminal/errors.js";
import { countCells } from "./count-cells.js";
import type { CountedCells } from "./counted-cells.js";
import { findSimulator } from "./simulator.js";

/** Counts the instructions of a selection's cells and writes them to a file, as `CountedCells`. */
export async function countTo(file: string, selection: Selection, { signal }: Console): Promise<number> {
  const planned = planCells(selection);
  await assertRunnable(planned);
  const simulator = await findSimulator();
  const cells = await countCells(await runnableWork(planned), signal);
  writeFileSync(file, `${JSON.stringify({ simulator, cells } satisfies CountedCells, null, 1)}\n`);
  return cells.every(({ status }) => status === "ok" || status === "unsupported") ? EXIT.ok : EXIT.failure;
}
