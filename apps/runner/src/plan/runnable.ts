import type { Backend } from "@softmax-bench/core";
import { UsageError } from "../terminal/errors.js";
import { backendIds, loadBackends } from "./load-backends.js";
import type { Work } from "./plan.js";

/** The part of some work that the backends could run, according to their runtimes' general abilities. */
async function runnableWork<W extends Work>(work: readonly W[]): Promise<W[]> {
  const backends = await backendsOf(work);
  return work.filter(({ backend, dtype }) => backends.get(backend)?.dtypes.includes(dtype));
}

/** @throws UsageError if the backends could not run any of it. */
export async function assertRunnable(work: readonly Work[]): Promise<void> {
  if ((await runnableWork(work)).length > 0) return;
  const why = [...(await backendsOf(work))]
    .map(([id, { dtypes }]) => `${id} has only ${dtypes.join(" and ")}`)
    .join(", ");
  throw new UsageError(`the selection leaves nothing to run: ${why}; choose another --dtype or --backend`);
}

/** The backends of some work, in the order of the table. */
export async function backendsOf(work: readonly Work[]): Promise<ReadonlyMap<string, Backend>> {
  const used = new Set(work.map(({ backend }) => backend));
  return loadBackends((await backendIds()).filter((id) => used.has(id)));
}
