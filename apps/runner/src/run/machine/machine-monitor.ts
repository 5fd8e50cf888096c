import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { MachineState } from "@softmax-bench/core";
import { listProcesses, type ProcessTime, readProcess, TICK_NS } from "./processes.js";

/** Processor time of the machine and of this process tree, in ns since it booted or started. */
interface Usage {
  readonly at: number;
  /** Time that all processes computed, and that the hypervisor gave to other machines; undefined without /proc. */
  readonly machine: { readonly busyNs: number; readonly stealNs: number } | undefined;
  readonly ownNs: number;
}

/** The time in which threads that wait for work in a loop fall asleep, in milliseconds. */
const FALL_ASLEEP_MS = 100;

/** The longest that processes take to end that were told to, in milliseconds, and the interval of looking. */
const ENDING_MS = 2000;
const LOOK_MS = 20;

/**
 * Watches the machine's other activity while a run measures. The time of processes that end without their parent
 * waiting for them, as a browser's do, is lost: windows begin without any, and end while they live.
 */
export class MachineMonitor {
  #begin: Usage = readUsage();

  /** Begins a window, once the processes of the one before have ended. */
  async begin(): Promise<void> {
    const begun = performance.now();
    while (hasChildren() && performance.now() - begun < ENDING_MS) await delay(LOOK_MS);
    this.#begin = readUsage();
  }

  /** Ends the window. Takes 0.1 s; nothing should be measured meanwhile. */
  async observe(): Promise<MachineState> {
    await delay(FALL_ASLEEP_MS);
    const begin = this.#begin;
    const end = readUsage();
    const spinNs = spin();
    const [one = 0] = loadavg();
    this.#begin = readUsage();
    if (!begin.machine || !end.machine) return { loadAverage: one, spinNs };
    const elapsed = end.at - begin.at;
    const busy = end.machine.busyNs - begin.machine.busyNs;
    const own = Math.max(0, end.ownNs - begin.ownNs);
    return {
      loadAverage: one,
      windowNs: elapsed,
      otherCores: Math.max(0, (busy - own) / elapsed),
      steal: Math.max(0, (end.machine.stealNs - begin.machine.stealNs) / elapsed),
      spinNs,
    };
  }
}

function readUsage(): Usage {
  const at = performance.now() * 1e6;
  try {
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = parseNumbers(
      readFileSync("/proc/stat", "utf8").split("\n", 1)[0] ?? "",
    );
    return {
      at,
      machine: {
        busyNs: (user + nice + system + irq + softirq) * TICK_NS,
        stealNs: steal * TICK_NS,
      },
      ownNs: ownTicks() * TICK_NS,
    };
  } catch {
    return { at, machine: undefined, ownNs: 0 };
  }
}

const hasChildren = (): boolean => listProcesses().some(({ parent }) => parent === process.pid);

/** Ticks of this process, of all its descendants, and of those that ended while their parent waited for them. */
function ownTicks(): number {
  const processes = listProcesses();
  const ticksOf = (parent: number): number =>
    processes
      .filter((each) => each.parent === parent)
      .reduce((sum, each) => sum + ticksWithChildren(each) + ticksOf(each.pid), 0);
  const own = readProcess(process.pid);
  return (own ? ticksWithChildren(own) : 0) + ticksOf(process.pid);
}

const ticksWithChildren = ({ ticks, ofChildren }: ProcessTime): number => ticks + ofChildren;

const parseNumbers = (line: string): number[] => (line.match(/\d+/g) ?? []).map(Number);

const SPINS = 5;
const STEPS = 1_000_000;

/** Median time of a fixed piece of integer arithmetic, in nanoseconds: the processor's present speed. */
function spin(): number {
  let state = 1;
  const times = Array.from({ length: SPINS }, () => {
    const start = process.hrtime.bigint();
    for (let step = 0; step < STEPS; step++) state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return Number(process.hrtime.bigint() - start);
  });
  // The result is used, so that no compiler removes the arithmetic.
  return state === 0 ? Number.NaN : (times.toSorted((a, b) => a - b)[SPINS >> 1] as number);
}
