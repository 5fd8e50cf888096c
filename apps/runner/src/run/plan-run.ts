import { METHODS, type MethodId, messageOf, type Sweep } from "@softmax-bench/core";
import { formatResults, ResultsError } from "@softmax-bench/core/results";
import { network } from "@softmax-bench/networks";
import { createExperiments } from "../experiments/index.js";
import { loadRegistry, type Registry } from "../plan/load-backends.js";
import { type Plan, planCells, planCurves, planNetworks, planSeries } from "../plan/plan.js";
import { PROFILES } from "../plan/profiles.js";
import { backendsOf } from "../plan/runnable.js";
import { type Selection, select, selectSweeps } from "../plan/selection.js";
import { WHOLE } from "../plan/shard.js";
import { shardWork } from "../plan/shard-work.js";
import type { Entry, Header } from "../results/journal/entries.js";
import { UsageError } from "../terminal/errors.js";
import { assemble } from "./assemble.js";

/** The whole of the work of a selection. */
export const planWork = (
  selection: Selection,
  {
    sweeps,
    cellMethods = selection.methods,
    depths = [],
    threads = [],
  }: {
    readonly sweeps: readonly Sweep[];
    readonly cellMethods?: readonly MethodId[] | undefined;
    readonly depths?: readonly number[] | undefined;
    readonly threads?: readonly number[] | undefined;
  },
): Plan => ({
  cells: planCells({ ...selection, methods: cellMethods }),
  curves: planCurves(selection, sweeps),
  networks: planNetworks(selection, depths),
  series: planSeries(selection, threads),
});

/** Returns the part of a plan that a run is for, and the digest of the whole. */
export async function shardPlan(
  whole: Plan,
  { profile, seed, shard = WHOLE }: Pick<Header, "profile" | "seed" | "shard">,
): Promise<{ plan: Plan; digest: string }> {
  const { cells, digest } = await shardWork(whole.cells, shard, {
    profile: PROFILES[profile],
    seed,
    backends: await backendsOf(whole.cells),
  });
  return { plan: { ...whole, cells }, digest };
}

/** Plans a run again from its header. @throws UsageError if that is not what this version would do. */
export async function planOfRun(header: Header): Promise<Plan> {
  checkNetworks(header);
  const registry = await loadRegistry();
  checkOwn(header, registry);
  const cellMethods =
    header.cellMethods && select({ ...header, methods: header.cellMethods }, registry).methods;
  const sweeps = selectSweeps(header.sweeps ?? []);
  const whole = planWork(select(header, registry), {
    sweeps,
    cellMethods,
    depths: header.depth?.depths,
    threads: header.scaling?.threads,
  });
  const { plan, digest } = await shardPlan(whole, header);
  if (digest === header.plan) return plan;
  throw new UsageError(
    `${header.id} was planned by another version of softmax-bench; continue it with that, or start a new run`,
  );
}

/** @throws UsageError if backends or methods of the run are missing here */
function checkOwn({ id, backends, methods }: Header, registry: Registry): void {
  const require = (kind: string, ids: readonly string[], known: readonly string[]) => {
    const missing = ids.find((one) => !known.includes(one));
    if (missing === undefined) return;
    throw new UsageError(
      `${id} measures ${JSON.stringify(missing)}, and there are ${known.join(", ")}; continue it in the folder whose bench.config.ts brings that ${kind}`,
    );
  };
  require("backend", backends, registry.backends);
  require("method", methods, [...METHODS.map((method) => method.id), ...registry.ownMethods.keys()]);
}

function checkNetworks({ depth }: Header): void {
  for (const layers of depth?.depths ?? []) {
    try {
      network(depth?.network ?? "mlp", layers, 1, "float32");
    } catch (error) {
      throw new UsageError(`the run's journal is damaged: ${messageOf(error)}; start a new run`);
    }
  }
}

/**
 * Checks that results can be written in the end.
 * @throws UsageError if the facts known before a run measures do not match the schema of results
 */
export function checkPublishable(header: Header, entries: readonly Entry[], plan: Plan): void {
  try {
    formatResults(assemble(header, entries, plan, createExperiments(header)));
  } catch (error) {
    if (!(error instanceof ResultsError)) throw error;
    throw new UsageError(`no results could be written of this run: ${error.message}; nothing was measured`);
  }
}
