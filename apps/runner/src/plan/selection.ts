import {
  DTYPE_IDS,
  type FloatDType,
  findWorkload,
  METHODS,
  type MethodId,
  messageOf,
  SWEEPS,
  type Sweep,
  WORKLOADS,
  type Workload,
} from "@softmax-bench/core";
import { distance } from "fastest-levenshtein";
import picomatch from "picomatch";
import { UsageError } from "../terminal/errors.js";

/** What to run, as ids that are known to exist. */
export interface Selection {
  readonly backends: readonly string[];
  readonly methods: readonly MethodId[];
  readonly dtypes: readonly FloatDType[];
  readonly workloads: readonly Workload[];
  /** Keys of the cells to run of the matrix, where those are not all. */
  readonly cells: ReadonlySet<string> | undefined;
}

/** What the user asked for, unchecked; what is left out means all (or the profile's workloads). */
export interface Wanted {
  readonly backends?: readonly string[] | undefined;
  readonly methods?: readonly string[] | undefined;
  readonly dtypes?: readonly string[] | undefined;
  readonly workloads: readonly string[];
  /** Cells as `--list` prints them; they name all of the above. */
  readonly cells?: readonly string[] | undefined;
}

/**
 * @param backendIds of all backends, in the order in which they are measured
 * @throws UsageError naming the closest valid value, for the first one that does not exist.
 */
export function select(wanted: Wanted, backendIds: readonly string[]): Selection {
  const { backends, methods, dtypes, workloads } = wanted.cells ? partsOf(wanted.cells) : wanted;
  return {
    cells: wanted.cells && new Set(wanted.cells),
    backends: sortByRegistry(backendIds, expandAll(backends) ?? backendIds, "backend"),
    methods: matchMethods(expandAll(methods) ?? ["**"]),
    dtypes: sortByRegistry(DTYPE_IDS, dtypes ?? DTYPE_IDS, "dtype") as FloatDType[],
    workloads: [...new Set(workloads)].map(workloadOf),
  };
}

/** What is in cells such as `tfjs-wasm manual/fused float32 64x1000`. */
function partsOf(cells: readonly string[]): Required<Omit<Wanted, "cells">> {
  const parts = cells.map((cell) => {
    const [backend, method, dtype, workload, ...more] = cell.split(" ");
    if (!backend || !dtype || !workload || more.length > 0) {
      throw new UsageError(
        `--cell takes a cell as --list prints it, e.g. "tfjs-wasm manual/fused float32 64x1000"; got ${JSON.stringify(shortened(cell))}`,
      );
    }
    const ids = METHODS.map(({ id }) => id);
    const known = ids.find((id) => id === method);
    if (!known) throw unknownValue("method", method ?? "", ids);
    return { backend, method: known, dtype, workload };
  });
  const unique = <Part extends keyof (typeof parts)[number]>(part: Part) => [
    ...new Set(parts.map((cell) => cell[part])),
  ];
  return {
    backends: unique("backend"),
    methods: unique("method"),
    dtypes: unique("dtype"),
    workloads: unique("workload"),
  };
}

const expandAll = (wanted: readonly string[] | undefined): readonly string[] | undefined =>
  wanted?.includes("all") ? undefined : wanted;

/** Sweeps by id. @throws UsageError naming the closest valid value, for the first one that does not exist. */
export function selectSweeps(wanted: readonly string[]): readonly Sweep[] {
  const known = SWEEPS.map(({ id }) => id);
  const ids = sortByRegistry(known, wanted, "sweep");
  return SWEEPS.filter(({ id }) => ids.includes(id));
}

/** The wanted values in the order of the known ones, without repetition. */
function sortByRegistry(known: readonly string[], wanted: readonly string[], kind: string): string[] {
  const unknown = wanted.find((value) => !known.includes(value));
  if (unknown !== undefined) throw unknownValue(kind, unknown, known);
  return known.filter((value) => wanted.includes(value));
}

function matchMethods(globs: readonly string[]): MethodId[] {
  const ids = METHODS.map((method) => method.id);
  for (const glob of globs) {
    const matches = picomatch(glob);
    if (!ids.some((id) => matches(id))) throw unknownValue("method", glob, ids);
  }
  const matchesAny = picomatch([...globs]);
  return ids.filter((id) => matchesAny(id));
}

function workloadOf(id: string): Workload {
  let workload: Workload | undefined;
  try {
    workload = findWorkload(id);
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
  if (!workload) {
    const known = WORKLOADS.map((candidate) => candidate.id);
    throw unknownValue("workload", id, known, ", or a shape such as 64x1000");
  }
  return workload;
}

const shortened = (value: string): string => (value.length > 60 ? `${value.slice(0, 59)}…` : value);

/** Names the valid values that may be meant, closest first; all of them, where none is like the value. */
export function unknownValue(kind: string, value: string, known: readonly string[], also = ""): UsageError {
  const shown = shortened(value);
  const isLike = (id: string) => distance(shown, id) <= Math.max(shown.length, id.length) / 2;
  const closest = known
    .filter(isLike)
    .sort((a, b) => distance(shown, a) - distance(shown, b))
    .slice(0, 3);
  const valid = closest.length ? `closest are ${closest.join(", ")}` : `there are ${known.join(", ")}`;
  return new UsageError(`unknown ${kind} ${JSON.stringify(shown)}: ${valid}${also}`);
}
