import { dirname } from "node:path";
import type { MethodId, Results, Sweep } from "@softmax-bench/core";
import { formatResults } from "@softmax-bench/core/results";
import type { Images } from "@softmax-bench/networks";
import { renderTerminal, viewOf } from "@softmax-bench/report";
import { assemble } from "./assemble.js";
import { type Console, wantsColor } from "./console.js";
import { currentBranch, currentCommit, describeEnvironment } from "./environment.js";
import { EXIT, isSystemError, UsageError } from "./errors.js";
import { saveBaseline } from "./gate/save-baseline.js";
import { describedImages } from "./images.js";
import { type DepthSettings, type Entry, type Header, Journal, recoverJournal } from "./journal.js";
import { runMatrix } from "./matrix.js";
import { imagesNeeded } from "./network-inputs.js";
import type { Settings } from "./options.js";
import { createRunFolder, findRunFolder, publish, type RunFolder } from "./output.js";
import { keyOf, type Plan, planCells, planCurves, planNetworks, runnable } from "./plan.js";
import { PROFILES } from "./profiles.js";
import { createProgress } from "./progress.js";
import { provisionBackends } from "./provision.js";
import { type Selection, select, selectSweeps } from "./selection.js";
import { noneAvailable } from "./unavailable.js";

export interface Output {
  /** Results as JSON on stdout; the summary goes to stderr. */
  readonly json: boolean;
  /** Bring native parts that backends lack. */
  readonly provision: boolean;
  /** Keep the results, once complete, as the baseline of that name. */
  readonly saveBaseline?: string | undefined;
}

/** Prints the cells that a run would measure, one per line. */
export async function listCells(selection: Selection, console: Console): Promise<number> {
  const planned = planCells(selection);
  const cells = await runnable(planned);
  console.stdout.write(cells.map((cell) => `${keyOf(cell)}\n`).join(""));
  const unsupported = planned.length - cells.length;
  const rest = unsupported ? `; ${unsupported} more would be recorded as unsupported` : "";
  console.stderr.write(`${cells.length} cells${rest}\n`);
  return EXIT.ok;
}

/** What to run, checked, and how it was asked for. */
export interface Request {
  readonly command: NonNullable<Header["command"]>;
  readonly argv: readonly string[];
  readonly settings: Settings;
  readonly selection: Selection;
  readonly sweeps: readonly Sweep[];
  /** Methods of the cells, where they are fewer than those of the curves. */
  readonly cellMethods?: readonly MethodId[];
  /** Networks to compare gradients on. */
  readonly experiment?: Omit<DepthSettings, "images">;
}

const planOf = (
  selection: Selection,
  {
    sweeps,
    cellMethods = selection.methods,
    depths = [],
  }: {
    readonly sweeps: readonly Sweep[];
    readonly cellMethods?: readonly MethodId[] | undefined;
    readonly depths?: readonly number[] | undefined;
  },
): Plan => ({
  cells: planCells({ ...selection, methods: cellMethods }),
  curves: planCurves(selection, sweeps),
  networks: planNetworks(selection, depths),
});

/** Starts a new run. @throws UsageError if no backend of the selection could run any of it. */
export async function startRun(request: Request, console: Console, output: Output): Promise<number> {
  const { command, argv, settings, selection, sweeps, cellMethods, experiment } = request;
  const plan = planOf(selection, { sweeps, cellMethods, depths: experiment?.depths });
  await runnable([...plan.cells, ...plan.curves, ...plan.networks]);

  const described = experiment && (await describedImages(imagesNeeded(experiment), console));
  const startedAt = new Date();
  const name = command === "bench" ? settings.profile : command;
  const folder = createRunFolder(settings.out, name, startedAt);
  const header: Header = {
    type: "run",
    journalVersion: 1,
    id: folder.id,
    startedAt: startedAt.toISOString(),
    command,
    profile: settings.profile,
    argv: [...argv],
    commit: currentCommit(),
    branch: currentBranch(),
    seed: settings.seed,
    threads: settings.threads,
    backends: [...selection.backends],
    methods: [...selection.methods],
    ...(cellMethods ? { cellMethods: [...cellMethods] } : {}),
    dtypes: [...selection.dtypes],
    workloads: selection.workloads.map(({ id }) => id),
    ...(selection.cells ? { cells: [...selection.cells] } : {}),
    sweeps: sweeps.map(({ id }) => id),
    ...(experiment && described ? { depth: { ...experiment, images: described.description } } : {}),
    environment: describeEnvironment(),
  };
  const journal = new Journal(folder.journal);
  journal.append(header);
  const images = described?.images;
  return runAndReport({ folder, header, plan, journal, images, done: [] }, console, output);
}

/** Continues an interrupted run: measures only what its journal lacks. */
export async function resumeRun(out: string, id: string, console: Console, output: Output): Promise<number> {
  const folder = findRunFolder(out, id);
  const { header, entries, tornBytes } = recoverJournal(folder.journal);
  if (tornBytes > 0) {
    console.stderr.write(`dropped an unfinished last line (${tornBytes} bytes) of ${folder.journal}\n`);
  }
  const selection = select(header);
  const cellMethods = header.cellMethods && select({ ...header, methods: header.cellMethods }).methods;
  const sweeps = selectSweeps(header.sweeps ?? []);
  const plan = planOf(selection, { sweeps, cellMethods, depths: header.depth?.depths });
  const images = header.depth && (await sameImages(header.depth, console));
  const journal = new Journal(folder.journal);
  return runAndReport({ folder, header, plan, journal, images, done: entries }, console, output);
}

/** @throws UsageError if the images are no longer those that the run began with. */
async function sameImages(settings: DepthSettings, console: Console): Promise<Images> {
  const { images, description } = await describedImages(imagesNeeded(settings), console);
  if (description.digest !== settings.images.digest) {
    throw new UsageError(
      `the run began with ${settings.images.source} images, and these ${description.source} images are others; set CIFAR10_DIR as it was, or start a new run`,
    );
  }
  return images;
}

interface Run {
  readonly folder: RunFolder;
  readonly header: Header;
  readonly plan: Plan;
  readonly journal: Journal;
  readonly images: Images | undefined;
  readonly done: readonly Entry[];
}

async function runAndReport(run: Run, console: Console, output: Output): Promise<number> {
  try {
    return await measureAndPublish(run, console, output);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const { path } = run.folder;
    throw new UsageError(
      `${error.message} while writing to ${path}; mend that and continue with: ${resumeCommand(run.header)}`,
    );
  }
}

async function measureAndPublish(run: Run, console: Console, output: Output): Promise<number> {
  const { json, provision, saveBaseline: baseline } = output;
  const { folder, header, plan, journal, images, done } = run;
  const { processes } = PROFILES[header.profile];
  const entries = [...done];
  const total = plan.cells.length * processes + plan.curves.length + plan.networks.length;
  const finished = done.filter(({ type }) => ["cell", "curve", "network"].includes(type)).length;
  const remaining = Math.max(0, total - finished);
  const what = plan.networks.length
    ? "networks"
    : plan.curves.length
      ? "measurements and curves"
      : "measurements";
  console.stderr.write(`${folder.id}: ${remaining} of ${total} ${what} to do, results in ${folder.path}\n`);
  const say = (line: string) => console.stderr.write(`${line}\n`);
  const provisioned = await provisionBackends(provision ? header.backends : [], {
    ...{ say, signal: console.signal },
    wanted: false,
  });
  const progress = createProgress(plan, processes, finished, console.stderr);
  const append = (entry: Entry) => {
    journal.append(entry);
    entries.push(entry);
  };
  try {
    await runMatrix({
      ...{ header, plan, images, done, append, provisioned },
      observer: progress,
      signal: console.signal,
    });
  } finally {
    progress.stop();
    journal.close();
  }
  const results = assemble(header, entries, plan);
  const view = viewOf(results);
  await publish(folder, results, view);

  const color = !json && wantsColor(console.stdout);
  const summary = renderTerminal(view, { color });
  (json ? console.stderr : console.stdout).write(`${summary}\n`);
  if (json) console.stdout.write(formatResults(results));
  console.stderr.write(`wrote ${folder.path}/results.json and report.md\n`);
  if (baseline !== undefined && results.run.status === "complete") {
    console.stderr.write(`wrote ${saveBaseline(dirname(folder.path), baseline, results)}\n`);
  }
  return exitCodeOf(results, header, console);
}

const resumeCommand = ({ command = "bench", id }: Header): string => `pnpm ${command} --resume ${id}`;

function exitCodeOf(results: Results, header: Header, console: Console): number {
  if (results.run.status === "interrupted") {
    console.stderr.write(`stopped; continue with: ${resumeCommand(header)}\n`);
    return EXIT.interrupted;
  }
  if (noneAvailable(results.backends, console.stderr)) return EXIT.failure;
  const all = [...results.cells, ...(results.precision?.curves ?? []), ...(results.depth?.networks ?? [])];
  const broken = all.filter(({ status }) => ["failed", "crashed", "timeout"].includes(status));
  if (broken.length === 0) return EXIT.ok;
  console.stderr.write(
    `${broken.length} of ${all.length} results failed, crashed or timed out; the first: ${broken[0]?.reason}\n`,
  );
  return EXIT.failure;
}
