import { cellId, type NotCompared } from "@softmax-bench/regression";
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
): string[] => [...methodFlags(cells, hasConfig), ...workloadFlags(cells), ...hostFlags(flags)];

/** Cells that the baseline lists and the candidate does not, although the selection includes them. */
export const droppedCells = (
  asked: readonly string[],
  has: ReadonlySet<string>,
  { isDefault, flags, named }: GateSelection,
  isOwn: boolean,
): string[] => {
  if (isOwn && !isDefault) return [];
  if (flags.some((flag) => ["--cell", "--host", "--method", "--dtype"].includes(flag))) return [];
  const isSelected = (cell: string) =>
    isOwn ? isOwnCell(cell) : named.length === 0 || named.includes(backendsOf([cell])[0] ?? "");
  return [...has].filter((cell) => !asked.includes(cell) && isSelected(cell));
};

export const oneSided = (key: string, reason: string): NotCompared => ({
  ...cellId(key),
  kind: "one-sided",
  reason,
});

/** The flag that says where backends run, out of all flags. */
const hostFlags = (flags: readonly string[]): readonly string[] =>
  flags.includes("--host") ? flags.slice(flags.indexOf("--host")).slice(0, 2) : [];

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
