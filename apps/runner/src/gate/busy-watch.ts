import { busyMachine, type MachineState } from "@softmax-bench/core";
import { describeEnvironment } from "../run/machine/environment.js";
import { MachineMonitor } from "../run/machine/machine-monitor.js";

/** Watches what else the machine does while the two revisions of a gate take turns. */
export class BusyWatch {
  readonly #monitor = new MachineMonitor();
  readonly #windows: MachineState[] = [];

  /** Begins a window, before a block of processes. */
  begin(): Promise<void> {
    return this.#monitor.begin();
  }

  /** Ends the window. */
  async end(): Promise<void> {
    this.#windows.push(await this.#monitor.observe());
  }

  /** The reason to doubt the times of all windows; undefined if the machine was quiet, or was not watched. */
  get reason(): string | undefined {
    const [before, ...during] = this.#windows;
    if (!before) return undefined;
    return busyMachine({
      noise: { before, during: [before, ...during] },
      environment: describeEnvironment(),
    });
  }
}
