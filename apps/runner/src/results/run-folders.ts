import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "@softmax-bench/core";
import { parseResults } from "@softmax-bench/core/results";
import { readText } from "../fs/read-regular-file.js";
import { UsageError } from "../terminal/errors.js";
import type { Part } from "./merge.js";

/** The runs in folders: those with results, and those that died before they wrote any. */
export interface RunEntry {
  readonly parts: readonly Part[];
  readonly unfinished: readonly string[];
}

/**
 * Reads the runs in some folders. Each is a run's folder or holds those of several.
 * @throws UsageError if one of them holds no run, or results that cannot be read.
 */
export function readRuns(folders: readonly string[]): RunEntry {
  const runs = new Map(folders.flatMap(runFoldersIn).map((path) => [realpathSync(path), path]));
  const [finished, unfinished] = [true, false].map((wanted) =>
    [...runs.values()].filter((path) => existsSync(resultsIn(path)) === wanted),
  ) as [string[], string[]];
  return { unfinished, parts: finished.map((path) => ({ path, results: readResults(resultsIn(path)) })) };
}

const resultsIn = (path: string): string => join(path, "results.json");

const isRun = (path: string): boolean =>
  existsSync(resultsIn(path)) || existsSync(join(path, "journal.jsonl"));

function runFoldersIn(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`${path} is no folder; name folders of runs, or folders that hold some`);
  }
  if (isRun(path)) return [path];
  const runs = readdirSync(path)
    .toSorted()
    .map((name) => join(path, name))
    .filter(isRun);
  if (runs.length === 0) {
    throw new UsageError(`${path} holds no run: expected results.json in it, or in a folder in it`);
  }
  return runs;
}

function readResults(file: string) {
  try {
    return parseResults(readText(file));
  } catch (error) {
    throw new UsageError(`${file}: ${messageOf(error)}`);
  }
}
