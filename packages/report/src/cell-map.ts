import type { BackendRecord, Cell, Results } from "@softmax-bench/core";
import { type Constraints, isSoftwareGpu, isUsable, isWithinBound } from "./constraints.js";
import { hasSettled, type RankedCell, rank } from "./ranking.js";
import { isEligible, type Recommendation, recommend } from "./recommend.js";

/** The relation of a cell to the fastest one within the bound. */
export type Standing =
  | "fastest"
  | "tied"
  | "eligible"
  /** Within the bound, but its times had not settled. */
  | "unsettled"
  /** Its error exceeds the bound. */
  | "outside"
  /** Within the bound, on a reference or a GPU in software. */
  | "not a contender";

/** The reason why a cell has no result, in a word. */
export type Absence =
  | "unsupported"
  | "too slow"
  | "unavailable"
  | "timed out"
  | "failed"
  | "crashed"
  | "not timed";

export interface MapCell {
  readonly cell: Cell;
  /** The times and errors; undefined if there are none. */
  readonly ranked: RankedCell | undefined;
  readonly standing: Standing | Absence;
}

export interface MapColumn {
  readonly backend: string;
  /** The kind of backend whose cells are never the fastest, whatever their times. */
  readonly note: "reference" | "software GPU" | undefined;
}

/** Backends or methods without a column or row, and why. */
export interface FoldedGroup {
  readonly names: readonly string[];
  readonly kind: Absence | "excluded" | "not measured";
  readonly reason: string;
}

/** The cells of one workload and dtype: a column for each backend and a row for each method that has any result. */
export interface CellMap {
  /** Fastest eligible method first; backends without one at the end. */
  readonly columns: readonly MapColumn[];
  /** Methods, in the same order. */
  readonly methods: readonly string[];
  readonly find: (backend: string, method: string) => MapCell | undefined;
  readonly foldedBackends: readonly FoldedGroup[];
  readonly foldedMethods: readonly FoldedGroup[];
  readonly recommendation: Recommendation;
}

/** @param cells of one workload and dtype @param results that contain them */
export function cellMap(
  cells: readonly Cell[],
  results: Pick<Results, "backends" | "resolution">,
  constraints: Constraints,
): CellMap {
  const records = new Map(results.backends.map((backend) => [backend.id, backend]));
  const ranked = rank(cells, results, constraints.phase);
  const recommendation = recommend(ranked, constraints, results.backends);
  const isExcluded = (backend: string): boolean => {
    const record = records.get(backend);
    const isKept = record?.status === "unavailable" || record?.reference || isSoftwareGpu(record);
    return !isKept && !isUsable(record, constraints);
  };
  const entries = cells.map((cell): MapCell => {
    const own = ranked.find(({ backend, method }) => backend === cell.backend && method === cell.method);
    const record = records.get(cell.backend);
    return {
      cell,
      ranked: own,
      standing: own ? toStanding(own, recommendation, constraints, record) : toAbsence(cell, record),
    };
  });
  const shown = entries.filter(({ cell, ranked: own }) => own && !isExcluded(cell.backend));
  const bestFirst = (name: (cell: Cell) => string): string[] => {
    const best = new Map<string, readonly [rest: number, time: number]>();
    for (const { cell, ranked: own, standing } of shown) {
      const key = [isWinning(standing) ? 0 : 1, own?.timing.medianNs ?? 0] as const;
      const known = best.get(name(cell));
      if (!known || compareKeys(key, known) < 0) best.set(name(cell), key);
    }
    return [...best].sort(([, a], [, b]) => compareKeys(a, b)).map(([id]) => id);
  };
  const backends = bestFirst(({ backend }) => backend);
  const methods = bestFirst(({ method }) => method);
  const byPlace = new Map(entries.map((entry) => [placeKey(entry.cell.backend, entry.cell.method), entry]));
  const excluded = [...new Set(cells.map(({ backend }) => backend))].filter(isExcluded);
  const absentBackends = [
    ...new Set([...results.backends.map(({ id }) => id), ...cells.map(({ backend }) => backend)]),
  ].filter((id) => !backends.includes(id));
  return {
    columns: backends.map((backend) => ({ backend, note: describeKind(records.get(backend)) })),
    methods,
    find: (backend, method) => byPlace.get(placeKey(backend, method)),
    foldedBackends: fold(
      absentBackends.map((backend) => {
        const record = records.get(backend);
        if (excluded.includes(backend)) return [backend, "excluded", explainExclusion(record, constraints)];
        if (record?.status === "unavailable") {
          return [backend, "unavailable", record.reason ?? "no reason given"];
        }
        return [backend, ...explain(entries.filter(({ cell }) => cell.backend === backend))];
      }),
    ),
    foldedMethods: fold(
      [...new Set(cells.map(({ method }) => method))]
        .filter((method) => !methods.includes(method))
        .map((method) => [
          method,
          ...explainMethod(
            entries.filter(({ cell }) => cell.method === method),
            backends,
            isExcluded,
          ),
        ]),
    ),
    recommendation,
  };
}

const placeKey = (backend: string, method: string): string => JSON.stringify([backend, method]);

const compareKeys = (a: readonly [number, number], b: readonly [number, number]): number =>
  a[0] - b[0] || a[1] - b[1];

/** True for the fastest cell, those tied with it, and others that satisfy all constraints. */
export const isWinning = (standing: MapCell["standing"] | undefined): boolean =>
  standing === "fastest" || standing === "tied" || standing === "eligible";

function toStanding(
  cell: RankedCell,
  { best, tied }: Recommendation,
  constraints: Constraints,
  record: BackendRecord | undefined,
): Standing {
  if (cell.backend === best?.backend && cell.method === best.method) return "fastest";
  if (tied.some(({ backend, method }) => backend === cell.backend && method === cell.method)) return "tied";
  if (isEligible(cell, constraints, record)) return "eligible";
  if (!isWithinBound(cell, constraints.error)) return "outside";
  return cell.isContender && !hasSettled(cell) ? "unsettled" : "not a contender";
}

/** The end of the reason that a plan gives for work that its profile leaves out as too slow; the format has no status for it. */
const LEFT_OUT = /; --profile [\w-]+ measures it$/;

function toAbsence({ status, reason = "" }: Cell, record: BackendRecord | undefined): Absence {
  switch (status) {
    case "unsupported":
      if (record?.status === "unavailable") return "unavailable";
      return LEFT_OUT.test(reason) ? "too slow" : "unsupported";
    case "timeout":
      return "timed out";
    case "ok":
      return "not timed";
    default:
      return status;
  }
}

const describeKind = (record: BackendRecord | undefined): MapColumn["note"] =>
  record?.reference ? "reference" : isSoftwareGpu(record) ? "software GPU" : undefined;

function explainExclusion(record: BackendRecord | undefined, { cpuOnly }: Constraints): string {
  if (cpuOnly && record?.device?.kind !== "cpu") return "not on the CPU";
  return record?.engine?.code === "native" ? "native code" : "not known to do without native code";
}

/** The commonest kind of absence of cells without a result, and the first reason for it. */
function explain(entries: readonly MapCell[]): readonly [kind: FoldedGroup["kind"], reason: string] {
  const byStanding = new Map<MapCell["standing"], MapCell[]>();
  for (const entry of entries) {
    byStanding.set(entry.standing, [...(byStanding.get(entry.standing) ?? []), entry]);
  }
  const [commonest] = [...byStanding.values()].sort((a, b) => b.length - a.length);
  const [first] = commonest ?? [];
  if (!first) return ["not measured", ""];
  return [first.standing as Absence, first.cell.reason ?? ""];
}

/** @param entries of the method, none of which has a result on the map */
function explainMethod(
  entries: readonly MapCell[],
  backends: readonly string[],
  isExcluded: (backend: string) => boolean,
): readonly [kind: FoldedGroup["kind"], reason: string] {
  if (entries.some(({ cell, ranked }) => ranked && isExcluded(cell.backend))) {
    return ["excluded", "measured on other backends"];
  }
  return explain(entries.filter(({ cell }) => backends.includes(cell.backend)));
}

/** Groups names that are absent for the same reason. */
function fold(
  names: readonly (readonly [name: string, kind: FoldedGroup["kind"], reason: string])[],
): FoldedGroup[] {
  const groups = new Map<string, { names: string[]; kind: FoldedGroup["kind"]; reason: string }>();
  for (const [name, kind, reason] of names) {
    const key = JSON.stringify([kind, reason]);
    const known = groups.get(key);
    if (known) known.names.push(name);
    else groups.set(key, { names: [name], kind, reason });
  }
  return [...groups.values()];
}
