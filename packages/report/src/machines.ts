import type { Cell, Results } from "@softmax-bench/core";
import { isMeasured, rank } from "./ranking.js";

/** A machine of merged results, with a label that is short enough for a heading. */
export interface MachineView {
  readonly id: string;
  readonly label: string;
}

export const machineViews = ({ machines = [] }: Results): MachineView[] =>
  machines.map(({ id }, index) => ({ id, label: `machine ${index + 1}` }));

/** The results of one machine, as if they had not been merged. */
export function resultsOfMachine({ machines, ...results }: Results, { id }: MachineView): Results {
  const own = ({ machine }: { readonly machine?: string | undefined }) => machine === id;
  return {
    ...results,
    environment: machines?.find((machine) => machine.id === id)?.environment ?? results.environment,
    backends: results.backends.filter(own),
    cells: results.cells.filter(own),
    distances: results.distances.filter(own),
    ...(results.resolution
      ? {
          resolution: {
            groups: results.resolution.groups.filter(own),
            identicalPairs: results.resolution.identicalPairs.filter(own),
          },
        }
      : {}),
  };
}

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
  /** The ratio to the machine's fastest cell of the same workload and dtype: times of two machines do not compare. */
  readonly ratio: number;
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
  const ratios = computeRatios(results);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (!first || group.length < 2) return [];
    const { backend, method, dtype, workload } = first;
    const on = machines.map(({ id }) => {
      const cell = group.find(({ machine }) => machine === id);
      const timing = cell?.timing?.gradient;
      const relL2 = cell?.accuracy?.gradient.relL2;
      if (!cell || !timing || relL2 === undefined) return undefined;
      return { medianNs: timing.medianNs, ratio: ratios.get(cell) ?? Number.NaN, relL2 };
    });
    const digests = group.map(({ gradientDigest }) => gradientDigest);
    const sameBits = digests.includes(undefined) ? undefined : new Set(digests).size === 1;
    return [{ backend, method, dtype, workload, on, sameBits }];
  });
}

/** The ratio of each cell to the fastest of its workload, dtype and machine. */
function computeRatios(results: Results): Map<Cell, number> {
  const groups = new Map<string, Cell[]>();
  for (const cell of results.cells) {
    const key = JSON.stringify([cell.machine, cell.workload, cell.dtype]);
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  const ratios = new Map<Cell, number>();
  for (const group of groups.values()) {
    const ranked = rank(group, results);
    for (const cell of group) {
      const own = ranked.find(({ backend, method }) => backend === cell.backend && method === cell.method);
      if (own) ratios.set(cell, own.ratio);
    }
  }
  return ratios;
}
