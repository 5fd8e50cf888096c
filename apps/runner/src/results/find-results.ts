import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Results } from "@softmax-bench/core";
import { messageOf } from "@softmax-bench/core";
import { parseResults, SchemaVersionError } from "@softmax-bench/core/results";
import { isFileName } from "../fs/file-name.js";
import { readText } from "../fs/read-regular-file.js";
import { resolveCommit } from "../fs/repository.js";
import { IncomparableError, UsageError } from "../terminal/errors.js";

/** Results with the name they were found under. */
export interface LocatedResults {
  readonly file: string;
  readonly results: Results;
}

export const RESULTS = "results.json";
/** The results of a gate's baseline, in the folder of its outcome beside those of the candidate. */
export const GATE_BASELINE = "baseline.json";
export const baselineFile = (out: string, name: string): string => join(out, "baselines", `${name}.json`);

/**
 * Results by the names of files, tried in this order: `latest`, the newest run of the wanted kind; a baseline; a run's id;
 * a file, or a folder with results.
 *
 * @param isKind true for results that `latest` may be
 * @returns undefined if nothing has that name
 * @throws UsageError if the results cannot be read
 */
export function findFile(
  name: string,
  out: string,
  isKind: (results: Results) => boolean = () => true,
): LocatedResults | undefined {
  if (name === "latest") {
    for (const run of benchmarksIn(out).toReversed()) {
      const found = read(join(out, run, RESULTS));
      if (isKind(found.results)) return found;
    }
    return undefined;
  }
  const named = isFileName(name) ? [baselineFile(out, name), join(out, name, RESULTS)] : [];
  const file = [...named, name, join(name, RESULTS)].find(
    (path) => existsSync(path) && statSync(path).isFile(),
  );
  return file === undefined ? undefined : read(file);
}

/** The newest run of the commit that a git revision names. Runs that cannot be read are not searched. */
async function findByCommit(revision: string, out: string): Promise<LocatedResults | undefined> {
  const commit = await resolveCommit(revision);
  if (!commit) return undefined;
  for (const run of benchmarksIn(out).toReversed()) {
    const found = readIfPossible(join(out, run, RESULTS));
    if (found?.results.run.commit === commit) return found;
  }
  return undefined;
}

/**
 * Results by the name of a file, or else by a git revision.
 * @throws UsageError if they cannot be read; listing the existing names, if nothing has this one
 */
export async function needResults(
  name: string,
  out: string,
  isKind?: (results: Results) => boolean,
): Promise<LocatedResults> {
  const found = findFile(name, out, isKind) ?? (await findByCommit(name, out));
  if (found) return found;
  const baselines = existsSync(join(out, "baselines")) ? readdirSync(join(out, "baselines")) : [];
  const known = [...baselines.map((file) => file.replace(/\.json$/, "")), ...runsIn(out).slice(-2)];
  throw new UsageError(
    `no run, baseline, file or git revision with a run ${JSON.stringify(name)} in ${out}; there are ${known.join(", ") || "none"}`,
  );
}

/** Finds results to compare. @throws IncomparableError if they are of another version of the results format */
export async function toCompare<T>(find: () => Promise<T>): Promise<T> {
  try {
    return await find();
  } catch (error) {
    const isOther = error instanceof UsageError && error.cause instanceof SchemaVersionError;
    throw isOther ? new IncomparableError(error.message, { cause: error.cause }) : error;
  }
}

/** Accepts results of the same command and profile, since only such runs are comparable. */
export const sameKindAs =
  ({ run: { command = "bench", profile } }: Results) =>
  ({ run }: Results): boolean =>
    (run.command ?? "bench") === command && run.profile === profile;

/** Accepts runs that timed cells. */
export const hasCells = ({ cells }: Results): boolean => cells.some(({ timing }) => timing !== undefined);

/** Ids of the finished runs in a folder, oldest first: ids begin with the time. */
export const runsIn = (out: string): string[] =>
  existsSync(out)
    ? readdirSync(out)
        .filter((run) => existsSync(join(out, run, RESULTS)))
        .sort()
    : [];

/** The finished runs that are no outcomes of gates: a gate's candidate is not the baseline of the next one. */
const benchmarksIn = (out: string): string[] =>
  runsIn(out).filter((run) => !existsSync(join(out, run, GATE_BASELINE)));

/** The results of a run, by its id. @throws UsageError if they cannot be read */
export const readRun = (out: string, id: string): LocatedResults => read(join(out, id, RESULTS));

function readIfPossible(file: string): LocatedResults | undefined {
  try {
    return read(file);
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

function read(file: string): LocatedResults {
  try {
    return { file, results: parseResults(readText(file)) };
  } catch (error) {
    const problem =
      error instanceof SchemaVersionError
        ? "is of another version of the results format"
        : "is not a results file";
    throw new UsageError(`${file} ${problem}: ${messageOf(error)}`, { cause: error });
  }
}
