import type { MachineState } from "@softmax-bench/core";
import { MachineMonitor } from "../run/machine/machine-monitor.js";
import { listProcesses, type ProcessTime, TICK_NS } from "../run/machine/processes.js";

/**
 * Watches the machine while pages of a browser measure. The time of the browser's processes is lost when they end, so what
 * other programs compute is not the machine's time without ours. It is that of programs that were there at the beginning of a window.
 */
export class LastingProgramsMonitor {
  readonly #machine = new MachineMonitor();
  #before: readonly ProcessTime[] = [];

  /** Begins a window. */
  async begin(): Promise<void> {
    await this.#machine.begin();
    this.#before = listProcesses();
  }

  /** Ends the window. */
  async observe(): Promise<MachineState> {
    const ticks = lastingTicks(this.#before, listProcesses(), process.pid);
    const state = await this.#machine.observe();
    if (state.windowNs === undefined) return state;
    return { ...state, otherCores: (ticks * TICK_NS) / state.windowNs };
  }
}

/**
 * The least time that other programs have computed: those that were there before, and their children that they waited for. Processes
 * whose parents have ended are children of an ancestor of ours, so the children of those count as ours.
 *
 * @param own the process whose descendants are not others
 */
export function lastingTicks(
  before: readonly ProcessTime[],
  after: readonly ProcessTime[],
  own: number,
): number {
  const parents = new Map(before.map(({ pid, parent }) => [pid, parent]));
  const ancestorsOf = (pid: number): number[] => {
    const parent = parents.get(pid);
    return parent === undefined ? [] : [parent, ...ancestorsOf(parent)];
  };
  const above = new Set(ancestorsOf(own));
  const timeOf = ({ pid, ticks, ofChildren }: ProcessTime) => ticks + (above.has(pid) ? 0 : ofChildren);
  const now = new Map(after.map((each) => [`${each.pid} ${each.start}`, timeOf(each)]));
  const others = before.filter(({ pid }) => pid !== own && !ancestorsOf(pid).includes(own));
  const idOf = ({ pid, start }: ProcessTime) => `${pid} ${start}`;
  // Who waits for a process that ends is charged with all of its time, of which some was before.
  const isCharged = (parent: number) =>
    !above.has(parent) && others.some((each) => each.pid === parent && now.has(idOf(each)));
  const spent = others.map((each) => {
    const time = now.get(idOf(each)) ?? (isCharged(each.parent) ? 0 : timeOf(each));
    return time - timeOf(each);
  });
  return Math.max(
    0,
    spent.reduce((sum, ticks) => sum + ticks, 0),
  );
}
