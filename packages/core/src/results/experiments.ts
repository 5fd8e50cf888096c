import { shellWord } from "../command-line.js";
import type { Results } from "./schema.js";

/** The results of one experiment of a run. */
interface ExperimentRecords {
  /** The word for one result, and for several. */
  readonly nouns: readonly [one: string, many: string];
  readonly records: readonly { readonly status: string; readonly reason?: string | undefined }[];
}

type ListRecords = (results: Results) => ExperimentRecords["records"] | undefined;

/** Work besides cells: its section of the results, which is also the name of its study, and what that lists. */
const EXPERIMENTS = {
  precision: [["curve", "curves"], ({ precision }) => precision?.curves],
  depth: [["network", "networks"], ({ depth }) => depth?.networks],
  scaling: [["series", "series"], ({ scaling }) => scaling?.series],
} as const satisfies Partial<Record<keyof Results, readonly [ExperimentRecords["nouns"], ListRecords]>>;

type ExperimentId = keyof typeof EXPERIMENTS;

export const EXPERIMENT_IDS = Object.keys(EXPERIMENTS) as readonly ExperimentId[];

/** The results of the experiments that a run made. */
export const listExperiments = (results: Results): readonly ExperimentRecords[] =>
  Object.values(EXPERIMENTS).flatMap(([nouns, list]) => {
    const records: ExperimentRecords["records"] | undefined = list(results);
    return records ? [{ nouns, records }] : [];
  });

/** The command that makes runs of a kind. @param kind the command that results name, which may be anything */
export const commandOfRun = (kind = "bench"): string =>
  EXPERIMENT_IDS.some((id) => id === kind) ? `study ${kind}` : shellWord(kind);
