import { plural } from "@softmax-bench/core";
import { decidingBlocks, ROUTING_BLOCKS } from "@softmax-bench/regression";
import { START_SECONDS } from "../plan/estimate.js";
import { PROFILES } from "../plan/profiles.js";
import { formatPatience } from "./patience.js";

/** Seconds in which a process of the command line starts and writes its results, and in which it handles a cell. */
const COMMAND_SECONDS = 1;
const CELL_SECONDS = 0.2;

/** Roles in a block. The second look has a control besides. */
const [ROUTING_ROLES, DECIDING_ROLES] = [2, 3];

/**
 * A line about the time that a gate will take, before anything is built. The machine's speed is not known yet, nor which
 * cells need a second look.
 */
export function describeExpectedTime(cells: readonly string[]): string {
  // The errors take a process of each side.
  const first = ROUTING_BLOCKS * blockSeconds(cells, ROUTING_ROLES) + 2 * processSeconds(cells);
  const second = decidingBlocks(1) * blockSeconds(cells.slice(0, 1), DECIDING_ROLES);
  return (
    `expected to take ${formatSeconds(first)} for ${plural(cells.length, "cell")}, and ${formatSeconds(second)} more if one needs a second look; ` +
    "the time to make the baseline ready comes besides, and is unknown until it is"
  );
}

/** The time of a block, two processes of each role, in seconds of a machine of usual speed. */
export const blockSeconds = (cells: readonly string[], roles: number): number =>
  2 * roles * processSeconds(cells);

function processSeconds(cells: readonly string[]): number {
  const backends = new Set(cells.map((cell) => cell.split(" ", 1)[0])).size;
  const { settleNs, windowNs } = PROFILES.gate.limits.gradient;
  const cellSeconds = CELL_SECONDS + (settleNs + windowNs) / 1e9;
  return COMMAND_SECONDS + backends * START_SECONDS + cells.length * cellSeconds;
}

const formatSeconds = (seconds: number): string =>
  `about ${formatPatience(10_000 * Math.ceil(seconds / 10))}`;
