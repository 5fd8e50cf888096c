import type { Observer, WorkItem } from "../../experiments/observer.js";

/** The progress of a visitor's run, as its page shows it. */
export interface Progress {
  readonly type: "progress";
  /** Counts the processes of each backend, from 1. */
  readonly round: number;
  readonly done: number;
  readonly total: number;
  /** The piece of work that has begun. */
  readonly label: string;
}

/** An observer that reports each piece of work as it begins. */
export function progressObserver(report: (progress: Progress) => void): Observer {
  let [round, done, total] = [0, 0, 0];
  const announce = (label: string) => report({ type: "progress", round, done, total, label });
  return {
    startRound(index, work) {
      [round, done, total] = [index + 1, 0, work.length];
    },
    prepare: announce,
    begin: ({ label }: WorkItem) => announce(label),
    finish: () => {
      done++;
    },
  };
}
