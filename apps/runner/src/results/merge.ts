import {
  type BackendRecord,
  type Cell,
  cellKey,
  type DistanceRecord,
  type HostRecord,
  type Machine,
  type MachineState,
  machineId,
  type Noise,
  placeName,
  type Resolution,
  type Results,
  type RunRecord,
} from "@softmax-bench/core";
import { median } from "@softmax-bench/stats";
import { MOST_SHARDS, WHOLE } from "../plan/shard.js";
import { UsageError } from "../terminal/errors.js";
import { combineBackends, sumByPurpose } from "./combine.js";

/** Results and their origin. */
export interface Part {
  readonly path: string;
  readonly results: Results;
}

/**
 * Merges shards of one matrix into results of the whole, each cell once per machine. The writer gives them their id.
 *
 * @throws UsageError naming two parts that do not belong together, or a cell on which two of one machine disagree.
 */
export function mergeParts(parts: readonly Part[]): Results {
  const [first] = parts;
  if (!first) throw new UsageError("there is nothing to merge");
  for (const part of parts) checkPart(part);
  for (const part of parts) checkBelongs(first, part);
  checkEngines(parts);

  const machines = byMachine(parts);
  const several = machines.size > 1;
  const merged = [...machines].map(([machine, own]) => mergeOnMachine(own, several ? { machine } : {}));
  const { startedAt } = earliest(parts).results.run;
  const finishedAt =
    parts
      .map(({ results }) => results.run.finishedAt)
      .toSorted(byTime)
      .at(-1) ?? startedAt;
  const missing = missingShards(parts);
  const { run } = first.results;
  const hosts = mergeHosts(parts);
  const processes = parts.flatMap(({ results }) => results.run.processes ?? []);
  return {
    schemaVersion: 1,
    run: {
      ...withoutShard(run),
      id: "merged",
      startedAt,
      finishedAt,
      merged: { runs: parts.map(({ results }) => results.run.id), missing },
      status: missing.length ? "interrupted" : "complete",
      cellsPlanned: merged.reduce((sum, { planned }) => sum + planned, 0),
      wallNs: sumByPurpose(parts.map(({ results }) => results.run.wallNs ?? {})),
      ...(processes.length > 0 ? { processes: Math.floor(median(processes)) } : {}),
    },
    environment: first.results.environment,
    ...(several ? { machines: [...machines].map(toMachine) } : {}),
    ...(hosts.length > 0 ? { hosts } : {}),
    ...(first.results.workloads ? { workloads: first.results.workloads } : {}),
    backends: merged.flatMap(({ backends }) => backends),
    cells: merged.flatMap(({ cells }) => cells),
    distances: merged.flatMap(({ distances }) => distances),
    ...mergeResolutions(merged.flatMap(({ resolutions }) => resolutions)),
    ...mergeNoise(parts),
  };
}

const shardOfRun = ({ shard = WHOLE }: RunRecord) => shard;

const byTime = (a: string, b: string): number => Date.parse(a) - Date.parse(b);

const earliest = (parts: readonly Part[]): Part =>
  parts.toSorted((a, b) => byTime(a.results.run.startedAt, b.results.run.startedAt))[0] as Part;

function withoutShard({ shard: _, argv, ...run }: RunRecord): RunRecord {
  const kept = argv.filter(
    (word, index) => word !== "--shard" && argv[index - 1] !== "--shard" && !word.startsWith("--shard="),
  );
  return { ...run, argv: kept };
}

function checkPart({ path, results: { run } }: Part): void {
  const not = (what: string) => new UsageError(`${path} ${what}`);
  if ((run.command ?? "bench") !== "bench") {
    throw not(`is a run of ${run.command}; merge joins runs of bench`);
  }
  if (run.merged) throw not("is merged itself; merge the runs that it is made from");
  const { count } = shardOfRun(run);
  if (count > MOST_SHARDS) throw not(`is one of ${count} shards, more than the ${MOST_SHARDS} there may be`);
  if (!run.plan) throw not("does not say what was planned: an older version wrote it; measure it again");
}

/** The values that parts have in common, and the digest of the plan, which covers the rest. */
const COMMON = {
  "commit ": ({ commit }: RunRecord) => commit ?? "none",
  "version ": ({ version = "unknown" }: RunRecord) => version,
  "profile ": ({ profile }: RunRecord) => profile,
  "seed ": ({ seed }: RunRecord) => String(seed),
  "shards of ": (run: RunRecord) => String(shardOfRun(run).count),
  "plan ": ({ plan = "none" }: RunRecord) => plan,
};

function checkBelongs(first: Part, other: Part): void {
  for (const [what, read] of Object.entries(COMMON)) {
    const [expected, got] = [read(first.results.run), read(other.results.run)];
    if (expected === got) continue;
    throw new UsageError(
      `${first.path} and ${other.path} do not belong together: ${what}${expected} and ${what}${got}; merge runs of one matrix`,
    );
  }
}

/** The hosts of all parts, each once: available, if it was in any of them. */
function mergeHosts(parts: readonly Part[]): HostRecord[] {
  const hosts = new Map<string, HostRecord>();
  for (const host of parts.flatMap(({ results }) => results.hosts ?? [])) {
    if (hosts.get(host.id)?.status !== "available") hosts.set(host.id, host);
  }
  return [...hosts.values()];
}

/** Checks that hosts and the backends on them are one version everywhere, and backends one device on machines that are alike. */
function checkEngines(parts: readonly Part[]): void {
  const seen = new Map<string, { is: string; path: string }>();
  for (const { path, results } of parts) {
    const machine = machineId(results.environment);
    const facts: [string, string | undefined][] = [];
    for (const { id, runtime } of results.hosts ?? []) {
      facts.push([`host ${id}`, runtime && `${runtime.name} ${runtime.version}`]);
    }
    for (const { engine, device, ...record } of results.backends) {
      const name = placeOf(record);
      facts.push([name, engine && `${engine.name} ${engine.version}`]);
      facts.push([`${name} on ${machine}`, device && `${device.kind} ${device.name}`]);
    }
    for (const [what, is] of facts) {
      const before = seen.get(what);
      if (is && before && before.is !== is) {
        throw new UsageError(
          `${before.path} and ${path} do not belong together: ${what} is ${before.is} and ${is}`,
        );
      }
      if (is && !before) seen.set(what, { is, path });
    }
  }
}

function byMachine(parts: readonly Part[]): Map<string, Part[]> {
  const groups = new Map<string, Part[]>();
  for (const part of parts) {
    const machine = machineId(part.results.environment);
    groups.set(machine, [...(groups.get(machine) ?? []), part]);
  }
  return groups;
}

/** The name of a backend on its host. */
const placeOf = ({ id, host }: Pick<BackendRecord, "id" | "host">): string =>
  placeName({ backend: id, host });

const toMachine = ([id, parts]: [string, readonly Part[]]): Machine => ({
  id,
  environment: (parts[0] as Part).results.environment,
});

function missingShards(parts: readonly Part[]) {
  const shards = parts.map(({ results: { run } }) => ({ run, ...shardOfRun(run) }));
  const count = shards[0]?.count ?? 0;
  const complete = new Set(shards.flatMap(({ run, index }) => (run.status === "complete" ? [index] : [])));
  return Array.from({ length: count }, (_, index) => ({ index: index + 1, count })).filter(
    ({ index }) => !complete.has(index),
  );
}

interface OnMachine {
  readonly planned: number;
  readonly backends: readonly BackendRecord[];
  readonly cells: readonly Cell[];
  readonly distances: readonly DistanceRecord[];
  readonly resolutions: readonly Resolution[];
}

/** @param tag added to cells, distances and backends if they come from one machine of several */
function mergeOnMachine(parts: readonly Part[], tag: { readonly machine?: string }): OnMachine {
  const ordered = parts.toSorted(
    ({ results: { run: a } }, { results: { run: b } }) =>
      shardOfRun(a).index - shardOfRun(b).index ||
      Number(a.status === "interrupted") - Number(b.status === "interrupted") ||
      byTime(a.startedAt, b.startedAt),
  );
  const planned = new Map(ordered.map(({ results: { run } }) => [shardOfRun(run).index, run.cellsPlanned]));
  const all = ordered.flatMap(({ results }) => results.backends);
  const distances = new Map<string, DistanceRecord>();
  for (const distance of ordered.flatMap(({ results }) => results.distances)) {
    const key = cellKey({ ...distance, method: `${distance.a} ${distance.b}` });
    if (!distances.has(key)) distances.set(key, { ...distance, ...tag });
  }
  return {
    planned: [...planned.values()].reduce<number>((sum, cells = 0) => sum + cells, 0),
    backends: [...new Set(all.map(placeOf))].flatMap((place) =>
      combineBackends(all.filter((record) => placeOf(record) === place)).map((record) => ({
        ...record,
        ...tag,
      })),
    ),
    cells: mergeCells(ordered).map((cell) => ({ ...cell, ...tag })),
    distances: [...distances.values()],
    resolutions: ordered.flatMap(({ results: { resolution } }) =>
      resolution
        ? [
            {
              groups: resolution.groups.map((group) => ({ ...group, ...tag })),
              identicalPairs: resolution.identicalPairs.map((pair) => ({ ...pair, ...tag })),
            },
          ]
        : [],
    ),
  };
}

/** The coarsest resolution of each backend and workload that several shards measured. */
function mergeResolutions(resolutions: readonly Resolution[]): Pick<Results, "resolution"> {
  if (resolutions.length === 0) return {};
  const groups = new Map<string, Resolution["groups"][number]>();
  for (const group of resolutions.flatMap((resolution) => resolution.groups)) {
    const key = JSON.stringify([placeName(group), group.workload, group.phase, group.machine]);
    const before = groups.get(key);
    if (!before || before.ratio < group.ratio) groups.set(key, group);
  }
  const identicalPairs = resolutions.flatMap((resolution) => resolution.identicalPairs);
  return { resolution: { groups: [...groups.values()], identicalPairs } };
}

/** The noise beside any of the runs: the states of each, and the largest share of disturbed time. */
function mergeNoise(parts: readonly Part[]): Pick<Results, "noise"> {
  const several = byMachine(parts).size > 1;
  const [first, ...others] = parts.flatMap(({ results: { noise, environment } }, part): Noise[] =>
    noise ? [tagged(noise, { part, ...(several ? { machine: machineId(environment) } : {}) })] : [],
  );
  if (!first) return {};
  const disturbed = [first, ...others].flatMap((noise) => noise.disturbed ?? []);
  const during = others.flatMap((noise) => [
    outsideOf(noise.before),
    ...noise.during,
    ...(noise.after ? [outsideOf(noise.after)] : []),
  ]);
  return {
    noise: {
      ...first,
      during: [...first.during, ...during],
      ...(disturbed.length > 0 ? { disturbed: Math.max(...disturbed) } : {}),
    },
  };
}

/** The processor's speed at a moment outside of all sessions, without the activity of that window: nothing was measured in it. */
const outsideOf = ({ loadAverage, spinNs, part, machine }: MachineState): MachineState => ({
  loadAverage,
  spinNs,
  part,
  machine,
});

/** @param tag the index of the run among those that are merged, and its machine if there are several */
const tagged = (
  { before, during, after, ...noise }: Noise,
  tag: Pick<MachineState, "part" | "machine">,
): Noise => ({
  ...noise,
  before: { ...before, ...tag },
  during: during.map((state) => ({ ...state, ...tag })),
  ...(after ? { after: { ...after, ...tag } } : {}),
});

/** Merges cells. Of duplicates, the first successful measurement counts. */
/** Cells of a shard that several runs measured are those of the first one that has them. */
function mergeCells(parts: readonly Part[]): Cell[] {
  const merged = new Map<string, { cell: Cell; path: string }>();
  for (const { path, results } of parts) {
    for (const cell of results.cells) {
      const key = cellKey(cell);
      const before = merged.get(key);
      if (before) checkDigests(before, { cell, path });
      if (!before || (before.cell.status !== "ok" && cell.status === "ok")) merged.set(key, { cell, path });
    }
  }
  return Array.from(merged.values(), ({ cell }) => cell);
}

function checkDigests(one: { cell: Cell; path: string }, other: { cell: Cell; path: string }): void {
  const [a, b] = [one.cell.gradientDigest, other.cell.gradientDigest];
  if (!a || !b || a === b || one.cell.nondeterministic || other.cell.nondeterministic) return;
  throw new UsageError(
    `${one.path} and ${other.path} disagree on ${cellKey(one.cell)}: gradients ${a.slice(0, 15)}… and ${b.slice(0, 15)}… on machines that are alike; find out why, and merge one of them`,
  );
}
