import { type Cell, DTYPE_IDS, parsePlace, type Results } from "@softmax-bench/core";
import { type Constraints, DEFAULT_CONSTRAINTS } from "@softmax-bench/report/model";

/** The cells that a reader looks at. Hidden values are listed, so that values added by a later file are shown. */
export interface Selection {
  readonly workload: string | undefined;
  readonly dtype: Cell["dtype"];
  /** The only host whose cells are shown; undefined for all. */
  readonly host: string | undefined;
  readonly hiddenBackends: ReadonlySet<string>;
  readonly hiddenMethods: ReadonlySet<string>;
}

/** Everything that a reader has chosen; undefined where the shown run decides. */
export interface View extends Omit<Selection, "dtype"> {
  readonly dtype: Cell["dtype"] | undefined;
  readonly constraints: Constraints;
}

export const DEFAULT_VIEW: View = {
  workload: undefined,
  dtype: undefined,
  host: undefined,
  hiddenBackends: new Set(),
  hiddenMethods: new Set(),
  constraints: DEFAULT_CONSTRAINTS,
};

export interface Choices {
  readonly workloads: readonly string[];
  readonly dtypes: readonly Cell["dtype"][];
  readonly hosts: readonly string[];
  readonly backends: readonly string[];
  readonly methods: readonly string[];
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

/** The host of a place without an explicit one. */
const hostOf = (backend: string): string => parsePlace(backend).host ?? "node";

/** The available choices, over all open runs. */
export function collectChoices(runs: readonly Results[]): Choices {
  const cells = runs.flatMap((run) => run.cells);
  const curves = runs.flatMap(({ precision }) => precision?.curves ?? []);
  const backends = unique([
    ...runs.flatMap((run) => run.backends.map(({ id }) => id)),
    ...cells.map(({ backend }) => backend),
  ]);
  return {
    workloads: unique([
      ...runs.flatMap(({ workloads = [] }) => workloads.map(({ id }) => id)),
      ...cells.map(({ workload }) => workload),
    ]).filter((id) => cells.some(({ workload }) => workload === id)),
    dtypes: DTYPE_IDS.filter((dtype) => [...cells, ...curves].some((one) => one.dtype === dtype)),
    hosts: unique(backends.map(hostOf)),
    backends,
    methods: unique(cells.map(({ method }) => method)).toSorted(),
  };
}

/** The same view without anything that these runs do not have: it may come from an address, or from other runs. */
export function withinChoices(view: View, choices: Choices): View {
  const { workload, dtype, host, hiddenBackends, hiddenMethods } = view;
  const known = <T>(value: T | undefined, values: readonly T[]): T | undefined =>
    value !== undefined && values.includes(value) ? value : undefined;
  return {
    ...view,
    workload: known(workload, choices.workloads),
    dtype: known(dtype, choices.dtypes),
    host: known(host, choices.hosts),
    hiddenBackends: new Set([...hiddenBackends].filter((id) => choices.backends.includes(id))),
    hiddenMethods: new Set([...hiddenMethods].filter((id) => choices.methods.includes(id))),
  };
}

/**
 * The cells that a reader looks at. Where the reader chose no workload, it is `seed-3200`, otherwise the first one, and
 * where no dtype, float32, otherwise the first one, of which the shown run has cells.
 */
export function selectionOf(view: View, shown: Results, choices: Choices): Selection {
  const { hiddenBackends, hiddenMethods, host } = view;
  const { cells, precision } = shown;
  const ofDtype = cells.filter(({ dtype }) => view.dtype === undefined || dtype === view.dtype);
  const workloads = collectChoices([{ ...shown, cells: ofDtype }]).workloads;
  const workload = view.workload ?? prefer("seed-3200", workloads) ?? prefer("seed-3200", choices.workloads);
  const ofWorkload = cells.filter((cell) => cell.workload === workload);
  const dtypesOf = (all: readonly { readonly dtype: Cell["dtype"] }[]) =>
    DTYPE_IDS.filter((id) => all.some(({ dtype }) => dtype === id));
  const dtype = [
    view.dtype,
    ...[ofWorkload, cells, precision?.curves ?? []].map((all) => prefer("float32", dtypesOf(all))),
  ].find((id) => id !== undefined);
  return { workload, dtype: dtype ?? choices.dtypes[0] ?? "float32", host, hiddenBackends, hiddenMethods };
}

/** The preferred one if it is there, otherwise the first. */
const prefer = <T>(preferred: T, values: readonly T[]): T | undefined =>
  values.includes(preferred) ? preferred : values[0];

/** A limit of errors: a finite number that is not negative; undefined for any other text. */
export function parseLimit(text: string): number | undefined {
  const limit = Number(text);
  return /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) && Number.isFinite(limit) ? limit : undefined;
}

/** True if a cell is shown, on any workload. */
export const isShown = (
  { backend, method, dtype }: Pick<Cell, "backend" | "method" | "dtype">,
  selection: Selection,
): boolean =>
  dtype === selection.dtype && isBackendShown(backend, selection) && !selection.hiddenMethods.has(method);

const isBackendShown = (
  backend: string,
  { host, hiddenBackends }: Pick<Selection, "host" | "hiddenBackends">,
): boolean => !hiddenBackends.has(backend) && (host === undefined || hostOf(backend) === host);

/** The results of the host that a reader chose, with the backends and methods that the reader hides. */
export const resultsOfHost = (results: Results, { host }: Pick<Selection, "host">): Results =>
  host === undefined
    ? results
    : shownResults(results, { host, hiddenBackends: new Set(), hiddenMethods: new Set() });

/** The results of the backends and methods that are not hidden, of all workloads and dtypes. */
export function shownResults(
  results: Results,
  selection: Pick<Selection, "host" | "hiddenBackends" | "hiddenMethods">,
): Results {
  const isOf = ({ backend, method }: { readonly backend: string; readonly method?: string }): boolean =>
    isBackendShown(backend, selection) && !(method !== undefined && selection.hiddenMethods.has(method));
  const { backends, cells, distances, precision, depth, scaling } = results;
  return {
    ...results,
    backends: backends.filter(({ id }) => isBackendShown(id, selection)),
    cells: cells.filter(isOf),
    distances: distances.filter(({ backend, a, b }) => [a, b].every((method) => isOf({ backend, method }))),
    ...(precision ? { precision: { ...precision, curves: precision.curves.filter(isOf) } } : {}),
    ...(depth
      ? {
          depth: { ...depth, networks: depth.networks.filter(isOf), trends: depth.trends.filter(isOf) },
        }
      : {}),
    ...(scaling
      ? {
          scaling: {
            ...scaling,
            series: scaling.series.filter(isOf),
            threading: scaling.threading.filter(isOf),
          },
        }
      : {}),
  };
}
