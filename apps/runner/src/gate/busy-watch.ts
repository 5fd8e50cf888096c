import { type Noise, parsePlace } from "@softmax-bench/core";
import { kindOfHost, THIS_NODE } from "../plan/host-requests.js";
import { BusyWatch } from "../run/machine/busy-watch.js";
import { LastingProgramsMonitor } from "./lasting-programs.js";

/**
 * The watch of a gate of some cells. If one runs in a browser, whose own work would seem to be that of other programs, only
 * those count that last.
 */
export const watchFor = (cells: readonly string[]): BusyWatch =>
  new BusyWatch(cells.some(isInBrowser) ? new LastingProgramsMonitor() : undefined);

/** Sentences on what the watch of a gate does not see. */
export function explainUnwatched(cells: readonly string[], { during }: Noise): string[] {
  if (during.some(({ otherCores }) => otherCores === undefined)) {
    return ["Other work on the machine was not watched: this system does not show it."];
  }
  if (!cells.some(isInBrowser)) return [];
  return [
    "Of other work on the machine, only that of programs was watched that had begun before a block: a browser measured.",
  ];
}

const isInBrowser = (cell: string): boolean => {
  const [name = ""] = cell.split(" ", 1);
  return kindOfHost(parsePlace(name).host ?? THIS_NODE) === "browser";
};
