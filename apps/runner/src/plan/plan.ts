import type { Backend, FloatDType } from "@softmax-bench/core";
import {
  COMPARISONS,
  cellKey,
  type MethodId,
  methodIdsOf,
  type Place,
  placeName,
  type Sweep,
  type Workload,
} from "@softmax-bench/core";
import type { Profile } from "./profiles.js";
import { methodsIn } from "./selected-methods.js";
import type { Selection } from "./selection.js";
import { sweepWorkload } from "./sweep-workload.js";

/** One cell of the matrix. */
export interface PlannedCell extends Place {
  readonly method: MethodId;
  readonly dtype: FloatDType;
  readonly workload: Workload;
}

/** One method on one backend along one sweep. */
export interface PlannedCurve extends Place {
  readonly method: MethodId;
  readonly dtype: FloatDType;
  readonly sweep: Sweep;
}

/** One network on one backend. */
export interface PlannedNetwork extends Place {
  readonly dtype: FloatDType;
  readonly depth: number;
}

/** One method on one backend, over many shapes, with a given number of threads. */
export interface PlannedSeries extends Place {
  readonly method: MethodId;
  readonly dtype: FloatDType;
  readonly threads: number;
}

/** The work of a run. */
export interface Plan {
  readonly cells: readonly PlannedCell[];
  readonly curves: readonly PlannedCurve[];
  readonly networks: readonly PlannedNetwork[];
  readonly series: readonly PlannedSeries[];
}

export type Work = PlannedCell | PlannedCurve | PlannedNetwork | PlannedSeries;

export const workOf = ({ cells, curves, networks, series }: Plan): Work[] => [
  ...cells,
  ...curves,
  ...networks,
  ...series,
];

export const seriesKey = (series: Omit<PlannedSeries, "method"> & { method: string }): string =>
  [placeName(series), series.method, series.dtype, series.threads].join(" ");

export const networkKey = (network: PlannedNetwork): string =>
  [placeName(network), network.dtype, network.depth].join(" ");

export const curveKey = (curve: Place & { method: string; dtype: string; sweep: string }): string =>
  [placeName(curve), curve.method, curve.dtype, curve.sweep].join(" ");

/** The key of a curve in a list of cells. */
export const curveCellKey = ({ sweep, ...curve }: PlannedCurve): string =>
  cellKey({ ...curve, workload: sweepWorkload(sweep) });

export const keyOf = (cell: PlannedCell): string => cellKey({ ...cell, workload: cell.workload.id });

/** Compared methods are adjacent, so that few gradients are held at a time. */
const METHOD_ORDER: readonly string[] = COMPARISONS.flatMap(([manual, autograd]) => [autograd, manual]);

/** The whole matrix of a selection: backend by backend, small workloads first. */
export function planCells(selection: Selection): PlannedCell[] {
  const { places, methods, dtypes, workloads, cells } = selection;
  const size = ({ rows, classes }: Workload) => rows * classes;
  const ordered = methods.toSorted((a, b) => METHOD_ORDER.indexOf(a) - METHOD_ORDER.indexOf(b));
  const matrix = places.flatMap((place) => {
    const here = methodsIn({ ...selection, methods: ordered }, place);
    return workloads
      .toSorted((a, b) => size(a) - size(b))
      .flatMap((workload) =>
        dtypes.flatMap((dtype) => here.map((method) => ({ ...place, method, dtype, workload }))),
      );
  });
  return cells ? matrix.filter((cell) => cells.has(keyOf(cell))) : matrix;
}

/** All curves of a selection: backend by backend, sweep by sweep. */
export function planCurves(selection: Selection, sweeps: readonly Sweep[]): PlannedCurve[] {
  const { places, dtypes, cells } = selection;
  const all = places.flatMap((place) => {
    const methods = methodsIn(selection, place);
    return sweeps.flatMap((sweep) =>
      dtypes.flatMap((dtype) => methods.map((method) => ({ ...place, method, dtype, sweep }))),
    );
  });
  return cells ? all.filter((curve) => cells.has(curveCellKey(curve))) : all;
}

/** All networks of a selection: backend by backend, shallow ones first. */
export const planNetworks = ({ places, dtypes }: Selection, depths: readonly number[]): PlannedNetwork[] =>
  places.flatMap((place) => depths.flatMap((depth) => dtypes.map((dtype) => ({ ...place, dtype, depth }))));

/** All series of a selection: backend by backend, few threads first. */
export const planSeries = (selection: Selection, threads: readonly number[]): PlannedSeries[] =>
  selection.places.flatMap((place) =>
    methodsIn(selection, place).flatMap((method) =>
      selection.dtypes.flatMap((dtype) =>
        threads.map((count) => ({ ...place, method, dtype, threads: count })),
      ),
    ),
  );

/** True if a backend has the dtype and the method of a cell or a curve. */
export const hasTask = (
  backend: Backend,
  { dtype, method }: Pick<PlannedCell, "dtype" | "method">,
): boolean => backend.dtypes.includes(dtype) && methodIdsOf(backend).includes(method);

/** True unless it is known in advance that a cell cannot run: its backend has no such dtype or method, or it is left out. */
export const isRunnable = (cell: PlannedCell, profile: Profile, adapter: Backend | undefined): boolean =>
  adapter === undefined || (hasTask(adapter, cell) && skipReason(cell, profile, adapter) === undefined);

/** The reason why a profile leaves out a backend's cell; undefined if it does not. */
export function skipReason(
  { backend, workload }: PlannedCell,
  { id, mostElements }: Profile,
  adapter: Backend | undefined,
): string | undefined {
  const most = adapter?.cost ? mostElements?.(adapter.cost) : undefined;
  if (most === undefined || workload.rows * workload.classes <= most) return undefined;
  return `the ${id} profile gives ${backend} at most ${most / 1e6} million elements, more take it seconds each time; --profile full measures it`;
}
