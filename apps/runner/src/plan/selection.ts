import {
  DTYPE_IDS,
  type FloatDType,
  findWorkload,
  METHODS,
  type MethodId,
  messageOf,
  type Place,
  placeName,
  SWEEPS,
  type Sweep,
  USUAL_DTYPE_IDS,
  WORKLOADS,
  type Workload,
} from "@softmax-bench/core";
import picomatch from "picomatch";
import { UsageError } from "../terminal/errors.js";
import { findAbsence } from "./absent-backend.js";
import { type HostRequest, identifyHosts, kindOfHost, parseHost, THIS_NODE } from "./host-requests.js";
import type { Registry } from "./load-backends.js";
import { readPlace, usualPlace } from "./place-names.js";
import { placesOn } from "./places.js";
import { isReference } from "./references.js";
import { methodsIn, type SelectedMethods } from "./selected-methods.js";
import { sweepOf } from "./sweep-workload.js";
import { shortenValue, unknownValue } from "./unknown-value.js";

/** The work to run, as ids that are known to exist. */
export interface Selection extends SelectedMethods {
  readonly backends: readonly string[];
  /** The places where they run. */
  readonly places: readonly Place[];
  /** The hosts of those places. */
  readonly hosts: readonly HostRequest[];
  readonly dtypes: readonly FloatDType[];
  readonly workloads: readonly Workload[];
  /** Sweeps that are chosen as workloads are. */
  readonly sweeps: readonly Sweep[];
  /** Keys of the cells and curves to run; undefined for all. */
  readonly cells: ReadonlySet<string> | undefined;
}

/** The user's unchecked request. Missing fields mean all, the usual dtypes, or the profile's workloads. */
export interface SelectionFilter {
  readonly backends?: readonly string[] | undefined;
  /** Names of backends on hosts, instead of backends on this Node: `wasm-simd@bun`. */
  readonly places?: readonly string[] | undefined;
  readonly methods?: readonly string[] | undefined;
  readonly dtypes?: readonly string[] | undefined;
  readonly workloads: readonly string[];
  /** Cells as `--list` prints them; they imply all of the above. */
  readonly cells?: readonly string[] | undefined;
}

/**
 * @throws UsageError naming the closest valid value, for the first unknown one.
 */
export function select(wanted: SelectionFilter, registry: Registry): Selection {
  const { backends: backendIds, ownMethods } = registry;
  const methodIds = [...METHODS.map(({ id }) => id), ...(ownMethods.keys() as Iterable<MethodId>)];
  const chosen = wanted.cells ? parseCells(wanted.cells, methodIds) : wanted;
  const { methods, dtypes, workloads } = chosen;
  const given = chosen.places?.map(readPlace);
  const named = given?.map(({ backend }) => backend) ?? namedBackends(chosen.backends, backendIds);
  const backends = sortByRegistry(backendIds, named, "backend");
  const places = given ? sortPlaces(given, backends) : backends.map(usualPlace);
  return {
    cells: wanted.cells && new Set(wanted.cells),
    backends,
    places,
    hosts: hostsOfPlaces(places),
    methods: matchMethods(expandAll(methods) ?? ["**"], methodIds),
    ownMethods: placesOfOwn(registry, places),
    dtypes: sortByRegistry(DTYPE_IDS, dtypes ?? USUAL_DTYPE_IDS, "dtype") as FloatDType[],
    workloads: [...new Set(workloads.filter((id) => sweepOf(id) === undefined))].map(parseWorkload),
    sweeps: selectSweeps(workloads.flatMap((id) => sweepOf(id) ?? [])),
  };
}

/**
 * Selects backends on hosts. Where a user names no backends, it is those that run there.
 *
 * @throws UsageError as `select`, or for a host that cannot be what it is named
 */
export async function selectOnHosts(
  wanted: SelectionFilter & { readonly hosts: readonly HostRequest[] | undefined },
  registry: Registry,
): Promise<Selection> {
  const selection = select(wanted, registry);
  if (wanted.cells) {
    requireMethods(selection, registry);
    return { ...selection, hosts: await hostsOfCells(selection.hosts, wanted.hosts) };
  }
  if (wanted.hosts?.some(({ kind }) => kind === "python")) {
    throw new UsageError(
      "--host expects hosts of JavaScript, got python; leave it out: references run there",
    );
  }
  const hosts = await identifyHosts(wanted.hosts ?? [parseHost(THIS_NODE)]);
  const areNamed = expandAll(wanted.backends) !== undefined;
  const references = selection.backends.filter(isReference).map(usualPlace);
  const others = selection.backends.filter((backend) => !isReference(backend));
  const places = [...(await placesOn(hosts, others, areNamed)), ...references];
  const ownMethods = placesOfOwn(registry, places);
  requireMethods({ ...selection, places, ownMethods }, registry);
  return {
    ...selection,
    hosts: [...hosts, ...hostsOfPlaces(references)],
    places,
    ownMethods,
    backends: selection.backends.filter((id) => places.some(({ backend }) => backend === id)),
  };
}

/** The places of each of a user's methods. A page has only what it was built with. */
const placesOfOwn = ({ ownMethods }: Registry, places: readonly Place[]): Selection["ownMethods"] =>
  new Map(
    Array.from(ownMethods, ([method, backend]) => {
      const isThere = (place: Place) =>
        place.backend === backend && kindOfHost(place.host ?? THIS_NODE) !== "browser";
      return [method, places.filter(isThere).map(placeName)] as const;
    }),
  );

/** @throws UsageError if all methods of a selection are a user's, and none of its places has any of them */
function requireMethods(selection: Selection, { ownMethods }: Registry): void {
  const { methods, places } = selection;
  if (places.length === 0 || places.some((place) => methodsIn(selection, place).length > 0)) return;
  const where = methods.map((method) => `${method} is measured on ${ownMethods.get(method)}`).join(", ");
  throw new UsageError(`${where}, in processes; got ${places.map(placeName).join(", ")}`);
}

/** The hosts that cells name; a user may give them, with their paths. @throws UsageError if others are given */
async function hostsOfCells(
  named: readonly HostRequest[],
  given: readonly HostRequest[] | undefined,
): Promise<readonly HostRequest[]> {
  if (!given) return named;
  const hosts = await identifyHosts(given);
  const found = named.map((one) => hosts.find(({ id }) => id === one.id));
  const missing = named.find(({ kind }, index) => kind !== "python" && !found[index]);
  if (!missing) return named.map((one, index) => found[index] ?? one);
  throw new UsageError(
    `--cell names its host itself, as in "tfjs-wasm@chromium manual/fused float32 vocab"; got one on ${missing.id}, which is not in --host ${hosts.map(({ id }) => id).join()}`,
  );
}

/** Places host by host, on each in the order of the backends. */
const sortPlaces = (places: readonly Place[], backends: readonly string[]): Place[] =>
  [...new Set(places.map(({ host }) => host))].flatMap((host) =>
    backends
      .filter((backend) => places.some((place) => place.backend === backend && place.host === host))
      .map((backend): Place => ({ backend, host })),
  );

const hostsOfPlaces = (places: readonly Place[]): HostRequest[] =>
  [...new Set(places.map(({ host }) => host ?? THIS_NODE))].map(parseHost);

/** All backends are those of JavaScript, in a bundle those that it has. References are measured only if they are named. */
function namedBackends(wanted: readonly string[] | undefined, known: readonly string[]): readonly string[] {
  if (wanted && !wanted.includes(ALL)) return wanted;
  const named = wanted?.filter((id) => id !== ALL) ?? [];
  return [...known.filter((id) => !isReference(id) && !findAbsence(id)), ...named];
}

/** The parts of cells such as `tfjs-wasm manual/fused float32 64x1000`. */
function parseCells(cells: readonly string[], ids: readonly MethodId[]): Omit<SelectionFilter, "cells"> {
  const parts = cells.map((cell) => {
    const [place, method, dtype, workload, ...more] = cell.split(" ");
    if (!place || !dtype || !workload || more.length > 0) {
      throw new UsageError(
        `--cell takes a cell as --list prints it, e.g. "tfjs-wasm manual/fused float32 64x1000"; got ${JSON.stringify(shortenValue(cell))}`,
      );
    }
    const known = ids.find((id) => id === method);
    if (!known) throw unknownValue("method", method ?? "", ids);
    return { place, method: known, dtype, workload };
  });
  const unique = <Part extends keyof (typeof parts)[number]>(part: Part) => [
    ...new Set(parts.map((cell) => cell[part])),
  ];
  return {
    places: unique("place"),
    methods: unique("method"),
    dtypes: unique("dtype"),
    workloads: unique("workload"),
  };
}

const ALL = "all";

const expandAll = (wanted: readonly string[] | undefined): readonly string[] | undefined =>
  wanted?.includes(ALL) ? undefined : wanted;

/** Sweeps by id. @throws UsageError naming the closest valid value, for the first unknown one. */
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

function matchMethods(globs: readonly string[], ids: readonly MethodId[]): MethodId[] {
  for (const glob of globs) {
    const matches = picomatch(glob);
    if (!ids.some((id) => matches(id))) throw unknownValue("method", glob, ids);
  }
  const matchesAny = picomatch([...globs]);
  return ids.filter((id) => matchesAny(id));
}

function parseWorkload(id: string): Workload {
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
