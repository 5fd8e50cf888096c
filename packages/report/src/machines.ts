import { type Cell, type Results, resultsOfMachine, type Steadiness } from "@softmax-bench/core";
import { isMeasured, type RankedCell, rank } from "./ranking.js";

/** A machine of merged results, with a label that is short enough for a heading. */
export interface MachineView {
  readonly id: string;
  readonly label: string;
}

export const machineViews = ({ machines = [] }: Results): MachineView[] =>
  machines.map(({ id }, index) => ({ id, label: `machine ${index + 1}` }));

/** Results of each machine as separate runs: one page must not mix their times. */
export function splitByMachine(results: Results): Results[] {
  const machines = machineViews(results);
  if (machines.length === 0) return [results];
  return machines.map((machine) => {
    const own = resultsOfMachine(results, machine);
    return { ...own, run: { ...own.run, id: `${own.run.id}, ${machine.label}` } };
  });
}

/** One cell on several machines. */
export interface AcrossMachines {
  readonly backend: string;
  readonly method: string;
  readonly dtype: Cell["dtype"];
  readonly workload: string;
  /** The cell by machine, in their order; undefined if a machine did not measure it. */
  readonly on: readonly (OnMachine | undefined)[];
  /** True if the gradients are bit-identical; undefined if that is not known of all. */
  readonly sameBits: boolean | undefined;
}

interface OnMachine {
  readonly medianNs: number;
  readonly steadiness: Steadiness | undefined;
  /** The ratio to the machine's fastest cell of the same workload and dtype: times of two machines do not compare. */
  readonly ratio: number;
  /** That machine cannot tell it from the fastest. */
  readonly tied: boolean;
  readonly relL2: number;
}

/** Cells that at least two machines measured, in the order of the results. */
export function acrossMachines(results: Results, machines: readonly MachineView[]): AcrossMachines[] {
  if (machines.length < 2) return [];
  const { cells } = results;
  const groups = new Map<string, Cell[]>();
  for (const cell of cells.filter((one) => isMeasured(one))) {
    const key = JSON.stringify([cell.workload, cell.dtype, cell.backend, cell.method]);
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  const ranks = rankOnMachines(results);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (!first || group.length < 2) return [];
    const { backend, method, dtype, workload } = first;
    const on = machines.map(({ id }) => {
      const cell = group.find(({ machine }) => machine === id);
      const timing = cell?.timing?.gradient;
      const relL2 = cell?.accuracy?.gradient.relL2;
      if (!cell || !timing || relL2 === undefined) return undefined;
      const { ratio = Number.NaN, tied = false } = ranks.get(cell) ?? {};
      return { medianNs: timing.medianNs, steadiness: timing.steadiness, ratio, tied, relL2 };
    });
    const digests = group.map(({ gradientDigest }) => gradientDigest);
    const sameBits = digests.includes(undefined) ? undefined : new Set(digests).size === 1;
    return [{ backend, method, dtype, workload, on, sameBits }];
  });
}

/** Each cell among those of its workload, dtype and machine. */
function rankOnMachines(results: Results): Map<Cell, RankedCell> {
  const groups = new Map<string, Cell[]>();
  for (const cell of results.cells) {
    const key = JSON.stringify([cell.machine, cell.workload, cell.dtype]);
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  const ranks = new Map<Cell, RankedCell>();
  for (const group of groups.values()) {
    const ranked = rank(group, results);
    for (const cell of group) {
      const own = ranked.find(({ backend, method }) => backend === cell.backend && method === cell.method);
      if (own) ranks.set(cell, own);
    }
  }
  return ranks;
}
