import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { MachineState } from "@softmax-bench/core";

/** Processor time of the machine and of this process tree, in ns since it booted or started. */
interface Usage {
  readonly at: number;
  /** Time that all processes computed, and that the hypervisor gave to other machines; undefined without /proc. */
  readonly machine: { readonly busyNs: number; readonly stealNs: number } | undefined;
  readonly ownNs: number;
}

/** Time after which the kernel counts ended processes as this one's, in milliseconds. */
const REAPING_MS = 100;

/** Watches the machine's other activity while a run measures. */
export class MachineMonitor {
  #last: Usage = readUsage();

  /** Returns the state since the last call. Takes 0.1 s; nothing should be measured meanwhile. */
  async observe(): Promise<MachineState> {
    await delay(REAPING_MS);
    const before = this.#last;
    const now = readUsage();
    const spinNs = spin();
    this.#last = readUsage();
    const [one = 0] = loadavg();
    if (!before.machine || !now.machine) return { loadAverage: one, spinNs };
    const elapsed = now.at - before.at;
    const busy = now.machine.busyNs - before.machine.busyNs;
    return {
      loadAverage: one,
      windowNs: elapsed,
      otherCores: Math.max(0, (busy - (now.ownNs - before.ownNs)) / elapsed),
      steal: Math.max(0, (now.machine.stealNs - before.machine.stealNs) / elapsed),
      spinNs,
    };
  }
}

/** The kernel counts in hundredths of a second, on every Linux. */
const TICK_NS = 1e7;

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

/** Ticks of this process and of its ended child processes (proc(5): utime, stime, cutime, cstime). */
function ownTicks(): number {
  const stat = readFileSync("/proc/self/stat", "utf8");
  // The name, in parentheses, may hold anything.
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  return fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0);
}

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
