import { formatResults } from "@softmax-bench/core/results";
import { renderTerminal, viewOf } from "@softmax-bench/report";
import { assemble } from "./assemble.js";
import { type Console, wantsColor } from "./console.js";
import { currentCommit, describeEnvironment } from "./environment.js";
import { EXIT, isSystemError, UsageError } from "./errors.js";
import { type Entry, type Header, Journal, recoverJournal } from "./journal.js";
import { runMatrix } from "./matrix.js";
import type { Settings } from "./options.js";
import { createRunFolder, findRunFolder, publish, type RunFolder } from "./output.js";
import { keyOf, type PlannedCell, planCells, runnable } from "./plan.js";
import { PROFILES } from "./profiles.js";
import { createProgress } from "./progress.js";
import { provisionBackends } from "./provision.js";
import { select } from "./selection.js";

export interface Output {
  /** Results as JSON on stdout; the summary goes to stderr. */
  readonly json: boolean;
  /** Bring native parts that backends lack. */
  readonly provision: boolean;
}

/** Prints the cells that a run would measure, one per line. */
export async function listCells(settings: Settings, console: Console): Promise<number> {
  const planned = planCells(select(settings));
  const cells = await runnable(planned);
  console.stdout.write(cells.map((cell) => `${keyOf(cell)}\n`).join(""));
  const unsupported = planned.length - cells.length;
  const rest = unsupported ? `; ${unsupported} more would be recorded as unsupported` : "";
  console.stderr.write(`${cells.length} cells${rest}\n`);
  return EXIT.ok;
}

/** Runs a new matrix. */
export async function startBench(
  settings: Settings,
  argv: readonly string[],
  console: Console,
  output: Output,
): Promise<number> {
  const selection = select(settings);
  const cells = planCells(selection);
  await runnable(cells);

  const startedAt = new Date();
  const folder = createRunFolder(settings.out, settings.profile, startedAt);
  const header: Header = {
    type: "run",
    journalVersion: 1,
    id: folder.id,
    startedAt: startedAt.toISOString(),
    profile: settings.profile,
    argv: [...argv],
    commit: currentCommit(),
    seed: settings.seed,
    threads: settings.threads,
    backends: [...selection.backends],
    methods: [...selection.methods],
    dtypes: [...selection.dtypes],
    workloads: selection.workloads.map(({ id }) => id),
    environment: describeEnvironment(),
  };
  const journal = new Journal(folder.journal);
  journal.append(header);
  return runAndReport({ folder, header, cells, journal, done: [] }, console, output);
}

/** Continues an interrupted run: measures only what its journal lacks. */
export async function resumeBench(
  out: string,
  id: string,
  console: Console,
  output: Output,
): Promise<number> {
  const folder = findRunFolder(out, id);
  const { header, entries, tornBytes } = recoverJournal(folder.journal);
  if (tornBytes > 0) {
    console.stderr.write(`dropped an unfinished last line (${tornBytes} bytes) of ${folder.journal}\n`);
  }
  const cells = planCells(select(header));
  return runAndReport(
    { folder, header, cells, journal: new Journal(folder.journal), done: entries },
    console,
    output,
  );
}

interface Run {
  readonly folder: RunFolder;
  readonly header: Header;
  readonly cells: readonly PlannedCell[];
  readonly journal: Journal;
  readonly done: readonly Entry[];
}

async function runAndReport(run: Run, console: Console, output: Output): Promise<number> {
  try {
    return await measureAndPublish(run, console, output);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const { id, path } = run.folder;
    throw new UsageError(
      `${error.message} while writing to ${path}; mend that and continue with: pnpm bench --resume ${id}`,
    );
  }
}

async function measureAndPublish(run: Run, console: Console, { json, provision }: Output): Promise<number> {
  const { folder, header, cells, journal, done } = run;
  const { processes } = PROFILES[header.profile];
  const entries = [...done];
  const finished = done.filter((entry) => entry.type === "cell").length;
  const remaining = Math.max(0, cells.length * processes - finished);
  console.stderr.write(
    `${folder.id}: ${remaining} of ${cells.length * processes} measurements to do, results in ${folder.path}\n`,
  );
  const say = (line: string) => console.stderr.write(`${line}\n`);
  const provisioned = await provisionBackends(provision ? header.backends : [], {
    ...{ say, signal: console.signal },
    wanted: false,
  });
  const progress = createProgress(cells, processes, finished, console.stderr);
  const append = (entry: Entry) => {
    journal.append(entry);
    entries.push(entry);
  };
  try {
    await runMatrix({
      ...{ header, cells, done, append, provisioned },
      observer: progress,
      signal: console.signal,
    });
  } finally {
    progress.stop();
    journal.close();
  }
  const results = assemble(header, entries, cells);
  const view = viewOf(results);
  publish(folder, results, view);

  const color = !json && wantsColor(console.stdout);
  const summary = renderTerminal(view, { color });
  (json ? console.stderr : console.stdout).write(`${summary}\n`);
  if (json) console.stdout.write(formatResults(results));
  console.stderr.write(`wrote ${folder.path}/results.json and report.md\n`);
  return exitCodeOf(results, folder, console);
}

function exitCodeOf(results: ReturnType<typeof assemble>, folder: RunFolder, console: Console): number {
  if (results.run.status === "interrupted") {
    console.stderr.write(`stopped; continue with: pnpm bench --resume ${folder.id}\n`);
    return EXIT.interrupted;
  }
  if (results.backends.every(({ status }) => status === "unavailable")) {
    const why = results.backends.map(
      ({ id, reason, remedy }) => `${id}: ${reason}${remedy ? ` (${remedy})` : ""}`,
    );
    console.stderr.write(`no backend is available\n${why.join("\n")}\n`);
    return EXIT.failure;
  }
  const broken = results.cells.filter(({ status }) => ["failed", "crashed", "timeout"].includes(status));
  if (broken.length === 0) return EXIT.ok;
  console.stderr.write(
    `${broken.length} cells failed, crashed or timed out; the first: ${broken[0]?.reason}\n`,
  );
  return EXIT.failure;
}
