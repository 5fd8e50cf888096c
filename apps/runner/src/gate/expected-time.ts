import { availableParallelism } from "node:os";
import { plural } from "@softmax-bench/core";
import { decidingBlocks, ROUTING_BLOCKS } from "@softmax-bench/regression";
import { START_SECONDS } from "../plan/estimate.js";
import { PROFILES, type Profile } from "../plan/profiles.js";
import { formatPatience } from "./patience.js";
import type { TimeBudget } from "./time-budget.js";

/** Seconds in which a process of the command line starts and writes its results, and in which it handles a cell. */
const COMMAND_SECONDS = 0.5;
const CELL_SECONDS = 0.2;

/** Seconds of a core in which a gradient's digest is taken: 101 s and 199 s for 1,472 of one and of both sides, starts included. */
const DIGEST_SECONDS = 0.06;

/** Seconds of a core in which a simulated process starts, and in which it counts the instructions of a cell. */
const COUNT_START_SECONDS = 15;
const COUNT_CELL_SECONDS = 1.5;

/** Roles in a block. The second look has a control besides. */
const [ROUTING_ROLES, DECIDING_ROLES] = [2, 3];

/** The time that something is expected to take. The machine's speed is not known in advance. */
export interface ExpectedTime {
  /** A sentence that states it. */
  readonly text: string;
  /** Its parts, in order, each with the seconds after which it has ended. */
  readonly parts: readonly { readonly name: string; readonly endSeconds: number }[];
  /** The consequence of a `--time` that is over before. */
  readonly otherwise: string;
}

/** Says what is expected, and in a line of its own which part does not end within `--time`. */
export function sayExpectedTime(
  { text, parts, otherwise }: ExpectedTime,
  { budget, say }: { readonly budget: TimeBudget; readonly say: (line: string) => void },
): void {
  say(text);
  const late = parts.find(({ endSeconds }) => !budget.allows(1000 * endSeconds));
  if (late) say(`more than --time ${budget.allowance} allows: ${late.name}; ${otherwise}`);
}

const NO_VERDICT = "without a verdict by then, the exit code is 2: allow more, or choose fewer cells";
const BASELINE_UNKNOWN = "plus the time to prepare the baseline, which is not known yet";

export interface ExpectedWork {
  readonly only?: "times" | "errors" | undefined;
  /** Numbers of cells whose instructions are counted, one for each backend. */
  readonly counted?: readonly number[];
  /** Number of processes that take digests at the same time. */
  readonly atOnce?: number;
}

/**
 * The time of a gate that measures both sides, before anything is built. Which cells need a second look is not known yet.
 * @param cells keys of the cells to compare
 */
export function expectedGateTime(
  cells: readonly string[],
  { only, counted = [], atOnce = 1 }: ExpectedWork = {},
): ExpectedTime {
  if (only === "errors") return expectedErrorTime(cells, atOnce);
  const counting = countingSeconds(counted);
  const count = plural(
    counted.reduce((sum, number) => sum + number, 0),
    "cell",
  );
  const first = counting + firstLookSeconds(cells);
  const [one, all] = [1, cells.length].map((routed) => secondLookSeconds(cells.slice(0, routed))) as [
    number,
    number,
  ];
  const isOne = cells.length === 1;
  return {
    text: [
      `expected to take ${formatSeconds(first)} for ${plural(cells.length, "cell")}`,
      ...(counting > 0 ? [`with ${formatSeconds(counting)} to count the instructions of ${count}`] : []),
      `and ${formatSeconds(one)} more if one needs a second look${isOne ? "" : `, ${formatSeconds(all)} if all do`}; ${BASELINE_UNKNOWN}`,
    ].join(", "),
    parts: [
      { name: "the first look", endSeconds: first },
      { name: "a second look at one cell", endSeconds: first + one },
      ...(isOne ? [] : [{ name: "a second look at all cells", endSeconds: first + all }]),
    ],
    otherwise: `what there is no time for is inconclusive, and ${NO_VERDICT}`,
  };
}

function expectedErrorTime(cells: readonly string[], atOnce: number): ExpectedTime {
  const [one, both] = [digestSeconds(cells, 1, atOnce), digestSeconds(cells, 2, atOnce)];
  return {
    text: `expected to take ${formatSeconds(both)} for ${plural(cells.length, "gradient")}, ${formatSeconds(one)} if those of the baseline are known, and more if some differ; ${BASELINE_UNKNOWN}`,
    parts: [
      { name: "the gradients of one side", endSeconds: one },
      { name: "the gradients of both sides", endSeconds: both },
    ],
    otherwise: NO_VERDICT,
  };
}

/** The time to measure one side, as a run of a profile does, for a comparison with a file. */
export function expectedFileTime(cells: readonly string[], profile: Profile["id"]): ExpectedTime {
  const seconds = runSeconds(cells, PROFILES[profile]);
  return {
    text: `expected to take ${formatSeconds(seconds)} for ${plural(cells.length, "cell")}`,
    parts: [{ name: "measuring them", endSeconds: seconds }],
    otherwise: NO_VERDICT,
  };
}

/** The time of a bisection. @param gates the most that are left, if none is inconclusive */
export function expectedBisectionTime(cell: string, gates: number): ExpectedTime {
  const [first, second] = [firstLookSeconds([cell]), secondLookSeconds([cell])];
  const most = gates * (first + second);
  return {
    text: `expected to take ${formatSeconds(most)} at most: ${formatSeconds(first)} for each gate, and ${formatSeconds(second)} more for one that needs a second look; plus the time to build the revisions, which is not known yet`,
    parts: [
      { name: `${plural(gates, "gate")} without a second look`, endSeconds: gates * first },
      { name: `${plural(gates, "gate")} with a second look each`, endSeconds: most },
    ],
    otherwise: "finished steps are kept, and the same command goes on from there",
  };
}

/** The time of the first look and the comparison with the oracle, in seconds of a machine of usual speed. */
export const firstLookSeconds = (cells: readonly string[]): number =>
  ROUTING_BLOCKS * blockSeconds(cells, ROUTING_ROLES) + errorSeconds(cells);

const secondLookSeconds = (cells: readonly string[]): number =>
  decidingBlocks(cells.length) * blockSeconds(cells, DECIDING_ROLES);

/**
 * The time of a block, in seconds of a machine of usual speed. Twice, a process of each role is started; they start at the
 * same time, and take turns measuring.
 */
export const blockSeconds = (cells: readonly string[], roles: number): number =>
  2 * (startSeconds(cells) + roles * cells.length * TIMED_CELL_SECONDS);

/** The time of the comparison with the oracle, a process of each side, in seconds of a machine of usual speed. */
export const errorSeconds = (cells: readonly string[]): number =>
  2 * (startSeconds(cells) + cells.length * TIMED_CELL_SECONDS);

const { settleNs, windowNs } = PROFILES.gate.limits.gradient;
const TIMED_CELL_SECONDS = CELL_SECONDS + (settleNs + windowNs) / 1e9;

const startSeconds = (cells: readonly string[]): number =>
  COMMAND_SECONDS + countByBackend(cells).length * START_SECONDS;

/**
 * The time to take digests, one side after the other, in seconds of a machine of usual speed. A process takes those of a
 * backend.
 * @param atOnce number of processes at the same time
 */
function digestSeconds(cells: readonly string[], sides: number, atOnce: number): number {
  const processes = countByBackend(cells).map((count) => START_SECONDS + count * DIGEST_SECONDS);
  return sides * (COMMAND_SECONDS + sharedSeconds(processes, atOnce));
}

/** The time of a run, in seconds of a machine of usual speed. Most cells are steady as soon as the profile can tell. */
export function runSeconds(cells: readonly string[], profile: Profile): number {
  if (profile.untimed) return digestSeconds(cells, 1, 1);
  const { limits, passes, digestsOnly, processes, mostProcesses, timeMs } = profile;
  const { gradient, other } = limits;
  const otherPhases = digestsOnly ? 0 : 1 + 2 * passes;
  const sampledNs = passes * (gradient.patienceNs + 2 * gradient.windowNs) + otherPhases * 2 * other.windowNs;
  const backends = countByBackend(cells).length;
  const round =
    backends * (START_SECONDS + gradient.warmUpNs / 1e9) + cells.length * (CELL_SECONDS + sampledNs / 1e9);
  const rounds = Math.min(mostProcesses, Math.max(processes, Math.floor(timeMs / 1000 / round)));
  return COMMAND_SECONDS + rounds * round;
}

/** The time of a process for each backend and side, in seconds of a machine of usual speed. */
function countingSeconds(counted: readonly number[]): number {
  const processes = counted.map((cells) => COUNT_START_SECONDS + cells * COUNT_CELL_SECONDS);
  return sharedSeconds([...processes, ...processes], availableParallelism());
}

/** The time of processes that share cores. @param seconds that each takes on a core of its own */
const sharedSeconds = (seconds: readonly number[], cores: number): number =>
  Math.max(0, ...seconds, seconds.reduce((sum, each) => sum + each, 0) / cores);

/** The number of cells on each backend. */
function countByBackend(cells: readonly string[]): number[] {
  const backends = cells.map((cell) => cell.split(" ", 1)[0]);
  return [...new Set(backends)].map((backend) => backends.filter((each) => each === backend).length);
}

const formatSeconds = (seconds: number): string =>
  `about ${formatPatience(10_000 * Math.ceil(seconds / 10))}`;
