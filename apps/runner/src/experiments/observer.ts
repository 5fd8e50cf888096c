/** Receives progress events of a run. */
export interface Observer {
  /** A process of each backend begins to do some work. */
  startRound(round: number, work: readonly WorkItem[]): void;
  /** Something that the work needs is computed. */
  prepare(what: string): void;
  begin(item: WorkItem): void;
  /** @param outcome in a few words */
  finish(item: WorkItem, outcome: string): void;
}

/** A piece of work as a user sees it. */
export interface WorkItem {
  readonly label: string;
  /** Expected cost, in units of about a cell. */
  readonly weight: number;
}
