import type { Curve, NetworkRecord, Place, Results, Series } from "@softmax-bench/core";
import type { Plan, PlannedCurve, PlannedNetwork, PlannedSeries } from "../plan/plan.js";
import type { BackendSession } from "../session/backend-session.js";

/**
 * Work that is done once per backend in a run. Cells are not: they are measured again in further processes, see
 * `cells/`.
 */
type ExperimentWork = PlannedCurve | PlannedNetwork | PlannedSeries;

/** A time over many shapes, before anything is concluded from it. */
export type MeasuredSeries = Omit<Series, "fit">;

export type ExperimentResult = Curve | NetworkRecord | MeasuredSeries;

/**
 * A kind of work besides cells: its plan, its execution, and its section of the results. CONTRIBUTING.md says
 * what adding one takes.
 */
export interface Experiment<
  Work extends ExperimentWork = ExperimentWork,
  Result extends ExperimentResult = ExperimentResult,
> {
  /** Type of its entries in the journal. */
  readonly type: "curve" | "network" | "series";
  /** The unit that its results are counted in: "curves". */
  readonly unit: string;
  plannedWork(plan: Plan): readonly Work[];
  /** The key of the result in the journal. */
  key(work: Work): string;
  label(work: Work): string;
  /** Expected cost, in units of about a cell. */
  weight(work: Work): number;
  /** Computes the shared needs of all remaining work, before any backend does some of it. */
  prepare?(remaining: readonly Work[], run: ExperimentRun): Promise<void>;
  run(work: Work, session: BackendSession, run: ExperimentRun): Promise<Result>;
  /** Describes a result that is `ok`, in a few words. */
  describe(result: Result): string;
  /** The part of the results of a run that is made from its entries. */
  section(results: readonly Result[]): Partial<Results>;
}

/** The services that a run offers to its experiments. */
export interface ExperimentRun {
  readonly signal: AbortSignal;
  /** Announces a computation before any work. */
  announce(what: string): void;
  /**
   * Uses a backend in a process of its own, with the given threads. The process ends with its use, or when the run is
   * stopped.
   */
  useSession<T>(place: Place, threads: number, use: (session: BackendSession) => Promise<T>): Promise<T>;
}
