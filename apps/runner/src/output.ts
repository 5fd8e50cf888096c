import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Results } from "@softmax-bench/core";
import { formatResults } from "@softmax-bench/core/results";
import { type ReportView, renderMarkdown, renderPage } from "@softmax-bench/report";
import { isSystemError, messageOf, UsageError } from "./errors.js";
import { isFileName } from "./file-name.js";
import { makeFolder } from "./make-folder.js";
import { pageTemplate } from "./page-template.js";
import { isPartial, writeAtomically } from "./write-atomically.js";

/** The files of one run. */
export interface RunFolder {
  readonly id: string;
  readonly path: string;
  readonly journal: string;
}

const folderOf = (out: string, id: string): RunFolder => {
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
      const folder = folderOf(out, `${stamp}-${profile}${attempt > 1 ? `-${attempt}` : ""}`);
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
        .filter((entry) => existsSync(folderOf(out, entry).journal))
        .sort()
    : [];
  const id = name === "latest" ? (runs.at(-1) ?? name) : name;
  const folder = folderOf(out, id);
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
  removeLeftovers(folder);
  writeAtomically(join(folder.path, "results.json"), formatResults(results));
  await publishReports(folder, results, view);
}

/** Writes report.md with its charts, and report.html. */
export async function publishReports(
  folder: Pick<RunFolder, "id" | "path">,
  results: Results,
  view: ReportView,
): Promise<void> {
  const { depth } = results;
  if (depth && view.depth) {
    // Drawing takes a library that most runs do without.
    const { renderChart } = await import("@softmax-bench/report/charts");
    for (const chart of view.depth.charts)
      writeAtomically(join(folder.path, chart.file), renderChart(chart, depth));
  }
  writeAtomically(join(folder.path, "report.md"), renderMarkdown(view));
  writeAtomically(
    join(folder.path, "report.html"),
    renderPage(pageTemplate(), [{ name: folder.id, results }]),
  );
}

/** What a process left that was killed while it wrote; no other one writes to this folder now. */
function removeLeftovers({ path }: RunFolder): void {
  for (const name of readdirSync(path).filter(isPartial)) rmSync(join(path, name));
}
