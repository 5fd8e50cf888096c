import {
  findWorkload,
  METHODS,
  type MethodId,
  SWEEPS,
  type Sweep,
  WORKLOADS,
  type Workload,
} from "@softmax-bench/core";
import type { schema } from "@softmax-bench/core/results";
import { distance } from "fastest-levenshtein";
import picomatch from "picomatch";
import type { z } from "zod";
import { messageOf, UsageError } from "./errors.js";
import { BACKENDS } from "./registry.js";

export type DType = z.output<typeof schema.dtype>;
export const DTYPES: readonly DType[] = ["float32", "float64"];

/** What to run, as ids that are known to exist. */
export interface Selection {
  readonly backends: readonly string[];
  readonly methods: readonly MethodId[];
  readonly dtypes: readonly DType[];
  readonly workloads: readonly Workload[];
}

/** What the user asked for, unchecked; what is left out means all (or the profile's workloads). */
export interface Wanted {
  readonly backends?: readonly string[] | undefined;
  readonly methods?: readonly string[] | undefined;
  readonly dtypes?: readonly string[] | undefined;
  readonly workloads: readonly string[];
}

/** @throws UsageError naming the closest valid value, for the first one that does not exist. */
export function select({ backends, methods, dtypes, workloads }: Wanted): Selection {
  const backendIds = Object.keys(BACKENDS);
  return {
    backends: inOrder(backendIds, unlessAll(backends) ?? backendIds, "backend"),
    methods: matchMethods(unlessAll(methods) ?? ["**"]),
    dtypes: inOrder(DTYPES, dtypes ?? DTYPES, "dtype") as DType[],
    workloads: [...new Set(workloads)].map(workloadOf),
  };
}

const unlessAll = (wanted: readonly string[] | undefined): readonly string[] | undefined =>
  wanted?.includes("all") ? undefined : wanted;

/** Sweeps by id. @throws UsageError naming the closest valid value, for the first one that does not exist. */
export function selectSweeps(wanted: readonly string[]): readonly Sweep[] {
  const known = SWEEPS.map(({ id }) => id);
  const ids = inOrder(known, wanted, "sweep");
  return SWEEPS.filter(({ id }) => ids.includes(id));
}

/** The wanted values in the order of the known ones, without repetition. */
function inOrder(known: readonly string[], wanted: readonly string[], kind: string): string[] {
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

/** Names the closest valid values, closest first. */
export function unknownValue(kind: string, value: string, known: readonly string[], also = ""): UsageError {
  const shown = value.length > 60 ? `${value.slice(0, 59)}…` : value;
  const closest = known.toSorted((a, b) => distance(shown, a) - distance(shown, b)).slice(0, 3);
  return new UsageError(`unknown ${kind} ${JSON.stringify(shown)}: closest are ${closest.join(", ")}${also}`);
}
