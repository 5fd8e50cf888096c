import { parsePlace } from "@softmax-bench/core";
import { cellId, type NotCompared } from "@softmax-bench/regression";
import picomatch from "picomatch";
import { THIS_NODE } from "../plan/host-requests.js";
import type { Profile } from "../plan/profiles.js";
import { isReference } from "../plan/references.js";
import { IncomparableError } from "../terminal/errors.js";
import { type Checkout, listIn, UnknownProfileError } from "./checkout.js";
import type { DigestProfile } from "./measure.js";
import { isOwn, isOwnCell } from "./own-repository.js";
import type { GateRequest, GateSelection } from "./request.js";

/** A checkout's cells, listed by a profile that it knows. */
export interface AskedCells {
  readonly cells: readonly string[];
  readonly profile: DigestProfile;
}

/** The profile by which gradients are found that are not the same. */
export const digestProfile = ({ only }: Pick<GateRequest, "only">): DigestProfile =>
  only === "errors" ? "digests" : "gate";

/** Lists cells by a profile, or by `gate` if the revision is from before that profile: times are taken, too. */
export async function listKnown(
  profile: DigestProfile,
  say: (line: string) => void,
  list: (profile: DigestProfile) => Promise<readonly string[]>,
): Promise<AskedCells> {
  try {
    return { profile, cells: await list(profile) };
  } catch (error) {
    if (!(error instanceof UnknownProfileError)) throw error;
    say(`${error.message}: times are taken of it, too, which takes minutes; its sweeps are not compared`);
    return { profile: "gate", cells: await list("gate") };
  }
}

/**
 * The cells that a checkout is asked for. In a user's own repository these are, by default, those of their own methods
 * and backends; all that the config selects if it has none of its own.
 * @throws IncomparableError if there are none
 */
export async function askedCells(
  checkout: Checkout,
  profile: Profile["id"],
  request: GateRequest,
): Promise<readonly string[]> {
  const { isDefault, flags } = request.selection;
  const listed = await listIn(checkout, ["--profile", profile, ...flags], request);
  if (listed.length === 0) throw new IncomparableError(`${checkout.name} lists no cells: nothing to compare`);
  const own = isOwn(checkout) && isDefault ? listed.filter(isOwnCell) : [];
  return own.length > 0 ? own : listed;
}

/** Flags that list the cells of a baseline, which may lack what the selection names. */
export const baselineFlags = (
  cells: readonly string[],
  { flags }: GateSelection,
  hasConfig: boolean,
): string[] => [...methodFlags(cells, hasConfig), ...workloadFlags(cells), ...hostFlags(cells, flags)];

/**
 * Cells that the baseline lists and the candidate does not, although the selection includes them. What a config selects is not
 * known of the baseline's, so that in a user's own repository cells of ours count on the candidate's backends and methods alone.
 * @param has the baseline's list, on the workloads, dtypes and hosts of those that are asked for
 */
export function droppedCells(
  asked: readonly string[],
  has: Iterable<string>,
  { isDefault, flags }: Pick<GateSelection, "isDefault" | "flags">,
  isOwn: boolean,
): string[] {
  const [known, isSelected] = [new Set(asked), selectedBy(flags)];
  const isNamedOrAsked = (flag: string, index: number) => {
    const parts = new Set(asked.map((cell) => partOf(cell, index)));
    return (cell: string) => flags.includes(flag) || parts.has(partOf(cell, index));
  };
  const [isBackend, isMethod] = [isNamedOrAsked("--backend", 0), isNamedOrAsked("--method", 1)];
  const isConfigured = (cell: string) =>
    isOwnCell(cell) || (!isDefault && (flags.includes("--cell") || (isBackend(cell) && isMethod(cell))));
  return [...has].filter((cell) => !known.has(cell) && isSelected(cell) && (!isOwn || isConfigured(cell)));
}

/** Returns whether a cell is among those that flags of `bench` select, on whatever host. */
function selectedBy(flags: readonly string[]): (cell: string) => boolean {
  const parts = ["--cell", "--backend", "--method", "--dtype", "--workload"];
  const [cells, backends, methods, dtypes, workloads] = parts.map((flag) =>
    valueAfter(flags, flag)?.split(","),
  );
  const isIn = (named: readonly string[] | undefined, value: string) => named?.includes(value) ?? true;
  const isMethod = methods && !methods.includes("all") ? picomatch(methods) : () => true;
  return (cell) => {
    const [backend = ""] = backendsOf([cell]);
    return (
      isIn(cells, cell) &&
      (isIn(backends, backend) || (isIn(backends, "all") && !isReference(backend))) &&
      isMethod(partOf(cell, 1)) &&
      isIn(dtypes, partOf(cell, 2)) &&
      isIn(workloads, partOf(cell, 3))
    );
  };
}

/** The value of a flag of `bench`. */
export const valueAfter = (flags: readonly string[], flag: string): string | undefined =>
  flags.includes(flag) ? flags[flags.indexOf(flag) + 1] : undefined;

const partOf = (cell: string, index: number): string => cell.split(" ")[index] ?? "";

export const oneSided = (key: string, reason: string): NotCompared => ({
  ...cellId(key),
  kind: "one-sided",
  reason,
});

/** The flag that says where backends run: the user's, who may name a path, or one for the hosts of the cells. */
function hostFlags(cells: readonly string[], flags: readonly string[]): string[] {
  const given = valueAfter(flags, "--host");
  const places = cells.map((cell) => parsePlace(partOf(cell, 0)));
  const hosts = new Set(
    places.flatMap(({ backend, host }) => (isReference(backend) ? [] : (host ?? THIS_NODE))),
  );
  const isUsual = [...hosts].every((host) => host === THIS_NODE);
  return given !== undefined ? ["--host", given] : isUsual ? [] : ["--host", [...hosts].join(",")];
}

const workloadFlags = (cells: readonly string[]): string[] => ["--workload", distinctParts(cells, -1)];
const dtypeFlags = (cells: readonly string[]): string[] => ["--dtype", distinctParts(cells, 2)];

/** Flags that list all methods of the cells' backends on their dtypes. @param hasConfig true if a config may select others */
function methodFlags(cells: readonly string[], hasConfig: boolean): string[] {
  const references = backendsOf(cells).filter(isReference);
  return [
    ...(hasConfig ? ["--method", "all"] : []),
    ...(hasConfig || references.length > 0 ? ["--backend", ["all", ...references].join(",")] : []),
    ...dtypeFlags(cells),
  ];
}

const distinctParts = (cells: readonly string[], index: number): string =>
  [...new Set(cells.map((cell) => cell.split(" ").at(index)))].join(",");

export const backendsOf = (cells: readonly string[]): string[] => [
  ...new Set(cells.map((cell) => cell.split(/[ @]/, 1)[0] ?? "")),
];
