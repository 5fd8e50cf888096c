import { availableParallelism } from "node:os";
import { plural } from "@softmax-bench/core";
import { decidingBlocks, ROUTING_BLOCKS } from "@softmax-bench/regression";
import { START_SECONDS } from "../plan/estimate.js";
import { PROFILES } from "../plan/profiles.js";
import { formatPatience } from "./patience.js";

/** Seconds in which a process of the command line starts and writes its results, and in which it handles a cell. */
const COMMAND_SECONDS = 1;
const CELL_SECONDS = 0.2;

/** Seconds of a core in which a simulated process starts, and in which it counts the instructions of a cell. */
const COUNT_START_SECONDS = 15;
const COUNT_CELL_SECONDS = 1.5;

/** Roles in a block. The second look has a control besides. */
const [ROUTING_ROLES, DECIDING_ROLES] = [2, 3];

export interface ExpectedWork {
  readonly only?: "times" | "errors" | undefined;
  /** Numbers of cells whose instructions are counted, one for each backend. */
  readonly counted?: readonly number[];
}

/**
 * A line about the time that a gate will take, before anything is built. The machine's speed is not known yet, nor which
 * cells need a second look.
 *
 * @param cells keys of the cells to compare
 */
export function describeExpectedTime(
  cells: readonly string[],
  { only, counted = [] }: ExpectedWork = {},
): string {
  const besides = "plus the time to prepare the baseline, which is not known yet";
  if (only === "errors") {
    const digests = 2 * processSeconds(cells, 0);
    return `expected to take ${formatSeconds(digests)} for ${plural(cells.length, "gradient")}, half of that if those of the baseline are known, and more if some differ; ${besides}`;
  }
  const counting = countingSeconds(counted);
  const count = plural(
    counted.reduce((sum, number) => sum + number, 0),
    "cell",
  );
  const second = [1, cells.length].map((routed) =>
    formatSeconds(decidingBlocks(routed) * blockSeconds(cells.slice(0, routed), DECIDING_ROLES)),
  );
  return [
    `expected to take ${formatSeconds(counting + firstLookSeconds(cells))} for ${plural(cells.length, "cell")}`,
    ...(counting > 0 ? [`with ${formatSeconds(counting)} to count the instructions of ${count}`] : []),
    `and ${second[0]} more if one needs a second look${cells.length > 1 ? `, ${second[1]} if all do` : ""}; ${besides}`,
  ].join(", ");
}

/** The time of the first look and the comparison with the oracle, in seconds of a machine of usual speed. */
export const firstLookSeconds = (cells: readonly string[]): number =>
  ROUTING_BLOCKS * blockSeconds(cells, ROUTING_ROLES) + errorSeconds(cells);

/** The time of a block, two processes of each role, in seconds of a machine of usual speed. */
export const blockSeconds = (cells: readonly string[], roles: number): number =>
  2 * roles * processSeconds(cells);

/** The time of the comparison with the oracle, a process of each side, in seconds of a machine of usual speed. */
export const errorSeconds = (cells: readonly string[]): number => 2 * processSeconds(cells);

const { settleNs, windowNs } = PROFILES.gate.limits.gradient;

function processSeconds(cells: readonly string[], timingSeconds = (settleNs + windowNs) / 1e9): number {
  const backends = new Set(cells.map((cell) => cell.split(" ", 1)[0])).size;
  return COMMAND_SECONDS + backends * START_SECONDS + cells.length * (CELL_SECONDS + timingSeconds);
}

/** The time of a process for each backend and side, all at the same time, in seconds of a machine of usual speed. */
function countingSeconds(counted: readonly number[]): number {
  const processes = counted.map((cells) => COUNT_START_SECONDS + cells * COUNT_CELL_SECONDS);
  const all = 2 * processes.reduce((sum, seconds) => sum + seconds, 0);
  return Math.max(0, ...processes, all / availableParallelism());
}

const formatSeconds = (seconds: number): string =>
  `about ${formatPatience(10_000 * Math.ceil(seconds / 10))}`;
