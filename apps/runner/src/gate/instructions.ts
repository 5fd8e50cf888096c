import { plural } from "@softmax-bench/core";
import {
  type CellId,
  CONFIRMING_PROCESSES,
  callsForMore,
  cellId,
  DECIDING_PROCESSES,
  decideInstructions,
  type InstructionComparison,
  type InstructionCounts,
  type Limits,
  type NotCompared,
  settledByOne,
} from "@softmax-bench/regression";
import { median } from "@softmax-bench/stats";
import { BACKENDS } from "../plan/backends.js";
import { JAVASCRIPT } from "../plan/own-methods.js";
import { isReference } from "../plan/references.js";
import { allOrNone } from "./all-or-none.js";
import { type Checkout, countIn, type PassOptions } from "./checkout.js";
import type { CountedCells } from "./counting/counted-cells.js";
import type { TimeBudget } from "./time-budget.js";

/**
 * Backends whose work is done by one thread, in code that the simulated processor runs as this one does; and their
 * workloads, unless others are named. Of one, overheads are nearly all of a call; of the other, arithmetic is most. Larger ones
 * run the same code more often. In plain JavaScript, 100 classes are enough for that, and a tenth of the simulation. Two runtimes
 * that are slow to simulate have one workload each, whose calls are about half of either.
 */
export const COUNTED: ReadonlyMap<string, readonly string[]> = new Map([
  ["wasm-simd", ["16x10", "16x1000"]],
  ["tfjs-wasm", ["16x10", "16x1000"]],
  ["tfjs-cpu", ["16x10", "16x100"]],
  ["onnxruntime-web", ["16x1000"]],
  ["jax-js", ["16x100"]],
  [JAVASCRIPT, ["16x10", "16x100"]],
]);

export interface CountRun extends Pick<PassOptions, "patience" | "signal"> {
  readonly baseline: Checkout;
  readonly candidate: Checkout;
  /** Keys of the cells to count. */
  readonly cells: readonly string[];
  readonly limits: Limits;
  /** The time for everything, of which some is left to what is measured later; no limit if absent. */
  readonly budget?: TimeBudget;
  readonly reservedMs?: number;
  readonly say: (line: string) => void;
}

export interface Counted {
  readonly cells: readonly (CellId & { readonly instructions: InstructionComparison })[];
  readonly notCompared: readonly NotCompared[];
  readonly notes: readonly string[];
  /** Everything that was counted, in the order of the processes. */
  readonly processes: readonly CountedProcess[];
}

export interface CountedProcess extends CountedCells {
  readonly side: "baseline" | "candidate";
}

/**
 * Counts instructions of two checkouts, all processes at the same time, since load does not change counts. One process of
 * either side settles most cells; new ones decide on the others, and further ones confirm a regression. Cells that there is no time
 * for are inconclusive, or absent if not even one process counted them.
 */
export async function compareInstructions(run: CountRun): Promise<Counted> {
  const { cells, limits, say } = run;
  say(`instructions of ${plural(cells.length, "gradient")} on either side, in a simulated processor`);
  const first = await countInTime(run, cells, 1);
  if (!first) {
    const absent = { kind: "no-time", reason: "there was no time to count its instructions" } as const;
    const notCompared = cells.map((key) => ({ ...cellId(key), ...absent }));
    return { cells: [], notCompared, notes: [], processes: [] };
  }
  const counts = new Map(cells.map((key) => [key, countsOf(first, key)]));
  const isComplete = ({ baseline, candidate }: InstructionCounts, processes: number) =>
    baseline.length === processes && candidate.length === processes;
  const suspicious = cells.filter((key) => {
    const counted = counts.get(key);
    return counted && isComplete(counted, 1) && callsForMore(counted, limits);
  });
  if (suspicious.length > 0)
    say(`instructions again, of ${plural(suspicious.length, "gradient")} that differ`);
  const second = suspicious.length > 0 ? await countInTime(run, suspicious, DECIDING_PROCESSES) : [];
  const decide = (key: string, ...further: readonly (readonly CountedProcess[])[]) =>
    decideByLooks(
      countsOf(first, key),
      further.map((look) => countsOf(look, key)),
      limits,
    );
  const grown = suspicious.filter(
    (key) =>
      second &&
      isComplete(countsOf(second, key), DECIDING_PROCESSES) &&
      decide(key, second).verdict === "regression",
  );
  if (grown.length > 0) say(`instructions once more, of ${plural(grown.length, "gradient")} that grew`);
  const third = grown.length > 0 ? await countInTime(run, grown, CONFIRMING_PROCESSES) : [];
  const processes = [...first, ...(second ?? []), ...(third ?? [])];
  const compared: (CellId & { readonly instructions: InstructionComparison })[] = [];
  const notCompared: NotCompared[] = [];
  for (const key of cells) {
    const [isSuspicious, isGrown] = [suspicious.includes(key), grown.includes(key)];
    const isDecided = isSuspicious && second !== undefined;
    const deciding = isDecided ? [...second, ...(third ?? [])] : first;
    const needed = isDecided ? DECIDING_PROCESSES + (isGrown && third ? CONFIRMING_PROCESSES : 0) : 1;
    const counted = countsOf(deciding, key);
    if (isComplete(counted, needed)) {
      const looks = isGrown && third ? [second ?? [], third] : [deciding];
      const instructions = isDecided ? decide(key, ...looks) : settledByOne(counted, limits);
      const isCut = isSuspicious && (!second || (isGrown && !third));
      compared.push({ ...cellId(key), instructions: isCut ? { ...instructions, ...NO_TIME } : instructions });
    } else notCompared.push({ ...cellId(key), ...explainMissing(processes, key) });
  }
  const [process] = first;
  return {
    cells: compared,
    notCompared,
    notes: [
      `Instructions were counted in ${process?.simulator}, with one thread. Counts do not show memory and caches, several threads, waiting, or what an instruction costs: times do.`,
    ],
    processes,
  };
}

/**
 * The conclusion on a cell that was looked at again. A look at fewer cells calls less code before it counts, so V8 has optimised less of
 * what they share: counts of both sides are larger, up to 1.8 times. So looks are compared at the level of the last one's baseline.
 */
export function decideByLooks(
  first: InstructionCounts,
  further: readonly InstructionCounts[],
  limits: Limits,
): InstructionComparison {
  const level = median(further.at(-1)?.baseline ?? first.baseline);
  const align = ({ baseline, candidate }: InstructionCounts): InstructionCounts => {
    const factor = level / median(baseline);
    return {
      baseline: baseline.map((count) => count * factor),
      candidate: candidate.map((count) => count * factor),
    };
  };
  const aligned = further.map(align);
  return decideInstructions(
    {
      baseline: aligned.flatMap(({ baseline }) => baseline),
      candidate: aligned.flatMap(({ candidate }) => candidate),
    },
    limits,
    align(first),
  );
}

const NO_TIME = { verdict: "inconclusive", reason: "there was no time for further processes" } as const;

/** Counts of both sides; undefined if there is no time for them. */
async function countInTime(
  run: CountRun,
  cells: readonly string[],
  processes: number,
): Promise<CountedProcess[] | undefined> {
  const { budget, signal, reservedMs } = run;
  const count = (either: AbortSignal) => countBothSides({ ...run, signal: either }, cells, processes);
  const part = `counting the instructions of ${plural(cells.length, "cell")}`;
  return budget ? budget.attempt(part, signal, count, reservedMs) : count(signal);
}

async function countBothSides(
  { baseline, candidate, ...options }: CountRun,
  cells: readonly string[],
  processes: number,
): Promise<CountedProcess[]> {
  const sides = [
    ["baseline", baseline],
    ["candidate", candidate],
  ] as const;
  const all = sides.flatMap((side) => Array.from({ length: processes }, () => side));
  return allOrNone(
    options.signal,
    all.map(([side, checkout]) => async (signal: AbortSignal) => ({
      side,
      ...(await countIn(checkout, cells, { ...options, signal })),
    })),
  );
}

function countsOf(processes: readonly CountedProcess[], key: string): InstructionCounts {
  const ofSide = (wanted: CountedProcess["side"]) =>
    processes
      .filter(({ side }) => side === wanted)
      .flatMap(({ cells }) => cells.find(({ cell }) => cell === key)?.instructions ?? []);
  return { baseline: ofSide("baseline"), candidate: ofSide("candidate") };
}

/** The reason why a cell has no counts. */
function explainMissing(
  processes: readonly CountedProcess[],
  key: string,
): Pick<NotCompared, "kind" | "reason"> {
  const found = processes.map(({ side, cells }) => ({ side, ...cells.find(({ cell }) => cell === key) }));
  if (found.every(({ status }) => status === "unsupported")) {
    return { kind: "nowhere", reason: found[0]?.reason ?? "unsupported" };
  }
  const lacking = found.find(({ status }) => status !== "ok");
  const kind = lacking?.status === undefined || lacking.status === "unsupported" ? "one-sided" : "broken";
  return { kind, reason: `instructions of the ${lacking?.side}: ${lacking?.reason ?? "not counted"}` };
}

/** A line on the backends of a gate whose instructions are not counted, each with the reason. */
export function explainUncounted(backends: readonly string[]): string[] {
  const uncounted = backends.filter((id) => !COUNTED.has(id));
  if (uncounted.length === 0) return [];
  return [`Not counted: ${uncounted.map((id) => `${id}, ${reasonNotToCount(id)}`).join("; ")}.`];
}

const CHOOSES_KERNELS = "whose kernels are chosen by the processor, and the simulated one has AVX2";

function reasonNotToCount(id: string): string {
  if (!(id in BACKENDS)) return "whose threads and kernels are not known, since it is not one of ours";
  if (isReference(id)) return "which runs in Python";
  if (id === "tfjs-node-gpu") return CHOOSES_KERNELS;
  if (id === "onnxruntime-cpu") return `${CHOOSES_KERNELS}; its counts differ by 1 % from process to process`;
  return "which computes on a GPU";
}
