import { accessSync, constants, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isSystemError, messageOf, namePlaces, type Results } from "@softmax-bench/core";
import { formatResults } from "@softmax-bench/core/results";
import { type ReportView, renderMarkdown, renderPage } from "@softmax-bench/report";
import { isFileName } from "../fs/file-name.js";
import { exclusively } from "../fs/lock.js";
import { makeFolder } from "../fs/make-folder.js";
import { removePartials, writeAtomically } from "../fs/write-atomically.js";
import { UsageError } from "../terminal/errors.js";
import { pageTemplate } from "./page-template.js";

/** The files of one run. */
export interface RunFolder {
  readonly id: string;
  readonly path: string;
  readonly journal: string;
}

const toRunFolder = (out: string, id: string): RunFolder => {
  const path = join(out, id);
  return { id, path, journal: join(path, "journal.jsonl") };
};

/**
 * Makes a folder for a new run, named by start time and profile.
 * @throws UsageError if `out` cannot be written to, or the profile, which may come from a file, cannot be part of a name.
 */
export function createRunFolder(out: string, profile: string, startedAt: Date): RunFolder {
  if (!isFileName(profile)) {
    throw new UsageError(
      `expected a profile of letters, digits and any of "_.@+-", got ${JSON.stringify(profile)}; no folder can be named after it`,
    );
  }
  const stamp = startedAt
    .toISOString()
    .replaceAll(/[-:]|\.\d+Z$/g, "")
    .replace("T", "-");
  try {
    makeFolder(out);
    for (let attempt = 1; ; attempt++) {
      const folder = toRunFolder(out, `${stamp}-${profile}${attempt > 1 ? `-${attempt}` : ""}`);
      if (mkdirUnlessThere(folder.path)) return folder;
    }
  } catch (error) {
    throw new UsageError(`cannot write to --out ${out}: ${messageOf(error)}; choose another folder`);
  }
}

/** Makes a folder in one step, since another run may begin in the same second. @returns whether it is new */
function mkdirUnlessThere(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if (isSystemError(error) && error.code === "EEXIST") return false;
    throw error;
  }
}

/**
 * A run by its id, or the `latest`.
 * @throws UsageError naming the runs that there are, if this one is not, or cannot be written to.
 */
export function findRunFolder(out: string, name: string): RunFolder {
  const runs = existsSync(out)
    ? readdirSync(out)
        .filter((entry) => existsSync(toRunFolder(out, entry).journal))
        .sort()
    : [];
  const id = name === "latest" ? (runs.at(-1) ?? name) : name;
  const folder = toRunFolder(out, id);
  if (!runs.includes(id)) {
    const known = runs.length ? `runs there: ${runs.slice(-3).join(", ")}` : "there are no runs";
    throw new UsageError(`no run ${JSON.stringify(id)} in ${out}; ${known}`);
  }
  try {
    accessSync(folder.path, constants.W_OK);
  } catch (error) {
    throw new UsageError(`cannot write to ${folder.path}: ${messageOf(error)}`);
  }
  return folder;
}

/** Writes results and reports; a reader never sees half a file. */
export async function publish(folder: RunFolder, results: Results, view: ReportView): Promise<void> {
  const reports = await renderReports(folder, results, view);
  writeFiles(folder.path, new Map([["results.json", formatResults(results)], ...reports]));
}

/** Writes report.md with its charts, and report.html. */
export async function publishReports(
  folder: Pick<RunFolder, "id" | "path">,
  results: Results,
  view: ReportView,
): Promise<void> {
  writeFiles(folder.path, await renderReports(folder, results, view));
}

type Files = ReadonlyMap<string, string>;

async function renderReports(
  { id }: Pick<RunFolder, "id">,
  results: Results,
  view: ReportView,
): Promise<Files> {
  const files = new Map<string, string>();
  const { depth } = namePlaces(results);
  if (depth && view.depth) {
    // Drawing takes a library that most runs do without.
    const { renderChart } = await import("@softmax-bench/report/charts");
    for (const chart of view.depth.charts) files.set(chart.file, renderChart(chart, depth));
  }
  files.set("report.md", renderMarkdown(view));
  files.set("report.html", renderPage(pageTemplate(), [{ name: id, results }]));
  return files;
}

/** One process at a time, so that all files of a folder are of one run, and what a killed process left of them can go. */
function writeFiles(folder: string, files: Files): void {
  exclusively(folder, (isLocked) => {
    if (isLocked) for (const name of files.keys()) removePartials(join(folder, name));
    for (const [name, text] of files) writeAtomically(join(folder, name), text);
  });
}
