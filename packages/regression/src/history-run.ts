import {
  type BackendRecord,
  busyMachine,
  type Cell,
  cellKey,
  machineId,
  plural,
  type Results,
  resultsOfMachine,
} from "@softmax-bench/core";
import type { Fingerprint } from "./fingerprint.js";

/** The parts of a run that its history keeps: many runs fit into memory without their samples. */
export interface HistoryRun extends Fingerprint {
  readonly run: Pick<Results["run"], "id" | "startedAt" | "commit" | "branch">;
  /** The runs that are comparable: command, profile and, unless it is 0, seed. */
  readonly profile: string;
  readonly cells: readonly HistoryCell[];
  /** True if a machine of the run was busy: its times are left out, and its errors are not. */
  readonly isBusy: boolean;
  /** Number of times that had not settled, which are left out. */
  readonly unsettled: number;
  /** Number of times of cells that lack processes, since the run was interrupted: they are left out, too. */
  readonly unfinished: number;
}

export interface HistoryCell extends Pick<Cell, "backend" | "host" | "method" | "dtype" | "workload"> {
  readonly key: string;
  /** Id of the machine. */
  readonly machine: string;
  /** The machine, with threads and accelerator of the backend as far as they are known: `…, 2 threads`. */
  readonly where: string;
  /** Median time of loss and gradient; absent if it was unsettled, lacks processes, or the machine was busy. */
  readonly ns?: number;
  /** Relative L2 error of the gradient; infinite if that is not finite. */
  readonly error?: number;
}

/** The history's extract of a run. */
export function toHistoryRun(results: Results): HistoryRun {
  const { run, environment, hosts, backends, cells } = results;
  const { command = "bench", profile, seed = 0 } = run;
  const environments = new Map(results.machines?.map((machine) => [machine.id, machine.environment]));
  const busy = busyMachines(results);
  const ok = cells.filter(({ status }) => status === "ok");
  const quiet = ok.filter(({ machine }) => !busy.has(machine));
  const setups = new Map(backends.map((backend) => [placeKey(backend.id, backend), describeSetup(backend)]));
  return {
    run: { id: run.id, startedAt: run.startedAt, commit: run.commit, branch: run.branch },
    profile: [
      ...(command === "bench" ? [] : [command]),
      profile,
      ...(seed === 0 ? [] : [`seed ${seed}`]),
    ].join(", "),
    environment,
    hosts,
    backends,
    cells: ok.map((cell) => {
      const machine = machineId(environments.get(cell.machine ?? "") ?? environment);
      const setup = setups.get(placeKey(cell.backend, cell));
      const where = setup ? `${machine}, ${setup}` : machine;
      return toHistoryCell(cell, { machine, where }, busy.has(cell.machine));
    }),
    isBusy: busy.size > 0,
    unsettled: quiet.filter(isUnsettled).length,
    unfinished: quiet.filter((cell) => cell.unfinished && !isUnsettled(cell)).length,
  };
}

/** Ids of the busy machines of merged results; undefined is the only machine of others. */
function busyMachines(results: Results): ReadonlySet<string | undefined> {
  const { machines = [] } = results;
  if (machines.length === 0) return new Set(busyMachine(results) === undefined ? [] : [undefined]);
  const isBusy = (machine: (typeof machines)[number]) =>
    busyMachine(resultsOfMachine(results, machine)) !== undefined;
  return new Set(machines.filter(isBusy).map(({ id }) => id));
}

/** Untested times count: the runs of a series show their noise. */
const isUnsettled = ({ timing }: Cell): boolean => timing?.gradient?.steadiness === "unsettled";

function toHistoryCell(
  cell: Cell,
  where: Pick<HistoryCell, "machine" | "where">,
  isBusy: boolean,
): HistoryCell {
  const { backend, host, method, dtype, workload, timing, accuracy } = cell;
  const ns = isBusy || isUnsettled(cell) || cell.unfinished ? undefined : timing?.gradient?.medianNs;
  const error = accuracy?.gradient.relL2;
  return {
    ...where,
    backend,
    host,
    method,
    dtype,
    workload,
    key: cellKey(cell),
    // A coarse clock reports times of 0, of which there are no ratios.
    ...(ns ? { ns } : {}),
    ...(error === undefined ? {} : { error: Number.isFinite(error) ? error : Number.POSITIVE_INFINITY }),
  };
}

/** Identifies a backend of a run, on its host and machine. */
const placeKey = (id: string, { host, machine }: Pick<Cell, "host" | "machine">): string =>
  JSON.stringify([id, host, machine]);

const describeSetup = ({ threads, device }: BackendRecord): string =>
  [
    ...(threads ? [plural(threads, "thread")] : []),
    ...(device && device.kind !== "cpu" ? [device.name] : []),
  ].join(", ");
