import { type Cell, DTYPE_IDS, type Results } from "@softmax-bench/core";

/** The cells that a reader looks at. Hidden values are listed, so that values added by a later file are shown. */
export interface Selection {
  readonly workload: string | undefined;
  readonly dtype: Cell["dtype"];
  readonly hiddenBackends: ReadonlySet<string>;
  readonly hiddenMethods: ReadonlySet<string>;
}

export interface Choices {
  readonly workloads: readonly string[];
  readonly dtypes: readonly Cell["dtype"][];
  readonly backends: readonly string[];
  readonly methods: readonly string[];
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

/** The available choices, over all open runs. */
export function collectChoices(runs: readonly Results[]): Choices {
  const cells = runs.flatMap((run) => run.cells);
  const curves = runs.flatMap(({ precision }) => precision?.curves ?? []);
  return {
    workloads: unique([
      ...runs.flatMap(({ workloads = [] }) => workloads.map(({ id }) => id)),
      ...cells.map(({ workload }) => workload),
    ]).filter((id) => cells.some(({ workload }) => workload === id)),
    dtypes: DTYPE_IDS.filter((dtype) => [...cells, ...curves].some((one) => one.dtype === dtype)),
    backends: unique([
      ...runs.flatMap(({ backends }) => backends.map(({ id }) => id)),
      ...cells.map(({ backend }) => backend),
    ]),
    methods: unique(cells.map(({ method }) => method)).toSorted(),
  };
}

/** The same selection, of a dtype that was measured. */
export function withinChoices(selection: Selection, { dtypes }: Choices): Selection {
  const [first] = dtypes;
  return first === undefined || dtypes.includes(selection.dtype) ? selection : { ...selection, dtype: first };
}

/** The selected workload. By default it is `seed-3200` if present, otherwise the first one. */
export const selectedWorkload = ({ workload }: Selection, { workloads }: Choices): string | undefined =>
  [workload, "seed-3200", workloads[0]].find((id) => id !== undefined && workloads.includes(id));

/** The cells of the selection, on its resulting workload. */
export function selectedCells(cells: readonly Cell[], selection: Selection, choices: Choices): Cell[] {
  const workload = selectedWorkload(selection, choices);
  return cells.filter((cell) => cell.workload === workload && isShown(cell, selection));
}

/** True if a cell is shown, on any workload. */
export const isShown = (
  { backend, method, dtype }: Pick<Cell, "backend" | "method" | "dtype">,
  { dtype: chosen, hiddenBackends, hiddenMethods }: Selection,
): boolean => dtype === chosen && !hiddenBackends.has(backend) && !hiddenMethods.has(method);
