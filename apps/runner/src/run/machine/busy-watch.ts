import { busyMachine, type Noise } from "@softmax-bench/core";
import { describeEnvironment } from "./environment.js";
import { MachineMonitor } from "./machine-monitor.js";

/** Watches what else the machine does in the windows in which processes measure. */
export class BusyWatch {
  readonly #monitor: Pick<MachineMonitor, "begin" | "observe">;
  readonly #windows: Noise["during"] = [];

  constructor(monitor: Pick<MachineMonitor, "begin" | "observe"> = new MachineMonitor()) {
    this.#monitor = monitor;
  }

  /** Begins a window, before the processes start. */
  begin(): Promise<void> {
    return this.#monitor.begin();
  }

  /** Ends the window. Takes 0.1 s; nothing should be measured meanwhile. */
  async end(): Promise<void> {
    this.#windows.push(await this.#monitor.observe());
  }

  /** The states of all windows, of which the first stands for the time before; undefined if there was none. */
  get noise(): Noise | undefined {
    const [before] = this.#windows;
    return before && { before, during: [...this.#windows] };
  }

  /** The reason to doubt the times of all windows; undefined if the machine was quiet, or was not watched. */
  get reason(): string | undefined {
    const { noise } = this;
    return noise && busyMachine({ noise, environment: describeEnvironment() });
  }
}
