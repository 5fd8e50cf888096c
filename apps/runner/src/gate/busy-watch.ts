import { busyMachine, type MachineState, parsePlace } from "@softmax-bench/core";
import { kindOfHost, THIS_NODE } from "../plan/host-requests.js";
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

/**
 * The watch of a gate of some cells; undefined if one runs in a browser, whose own work would seem to be that of other
 * programs: its time is lost when its processes end.
 */
export const watchFor = (cells: readonly string[]): BusyWatch | undefined =>
  cells.some(isInBrowser) ? undefined : new BusyWatch();

const isInBrowser = (cell: string): boolean => {
  const [name = ""] = cell.split(" ", 1);
  return kindOfHost(parsePlace(name).host ?? THIS_NODE) === "browser";
};
