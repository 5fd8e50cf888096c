import { rmSync, writeFileSync } from "node:fs";
import {
  type Environment,
  isSystemError,
  type MethodId,
  messageOf,
  plural,
  type Shard,
  type Sweep,
} from "@softmax-bench/core";
import { formatResults, ResultsError } from "@softmax-bench/core/results";
import { type Images, network } from "@softmax-bench/networks";
import { describedImages } from "../experiments/networks/images.js";
import { imagesNeeded } from "../experiments/networks/network-inputs.js";
import { currentBranch, currentCommit } from "../fs/repository.js";
import {
  type DepthSettings,
  type Entry,
  type Header,
  isTwin,
  resultKey,
  type ScalingSettings,
} from "../journal/entries.js";
import { Journal, type Recovered } from "../journal/journal.js";
import { describeEnvironment, VERSION } from "../machine/environment.js";
import { measureCopyBandwidth } from "../machine/measure-copy-bandwidth.js";
import type { Settings } from "../plan/options.js";
import {
  assertRunnable,
  keyOf,
  type Plan,
  planCells,
  planCurves,
  planNetworks,
  planSeries,
  runnableWork,
  workOf,
} from "../plan/plan.js";
import { PROFILES } from "../plan/profiles.js";
import { type Selection, select, selectSweeps } from "../plan/selection.js";
import { WHOLE } from "../plan/shard.js";
import { shardWork } from "../plan/split.js";
import type { Turns } from "../session/turns.js";
import { type Console, writeLine } from "../terminal/console.js";
import { EXIT, UsageError } from "../terminal/errors.js";
import { assemble } from "./assemble.js";
import { createRunFolder, findRunFolder, type RunFolder } from "./publish.js";
import { type Output, resumeCommand, runAndPublish } from "./run-and-publish.js";

/** Prints the cells that a run would measure, one per line. @param file receives them, too, as JSON */
export async function listCells(
  selection: Selection,
  { profile, seed }: Settings,
  shard: Shard,
  console: Console,
  file?: string,
): Promise<number> {
  const whole = planCells(selection);
  await assertRunnable(whole);
  const { cells: planned } = await shardWork(whole, shard, PROFILES[profile], seed);
  const cells = await runnableWork(planned);
  const keys = cells.map(keyOf);
  if (file !== undefined) writeFileSync(file, `${JSON.stringify({ cells: keys })}\n`);
  for (const key of keys) writeLine(console.stdout, key);
  const unsupported = planned.length - cells.length;
  const rest = unsupported ? `; ${unsupported} more would be recorded as unsupported` : "";
  writeLine(console.stderr, `${plural(cells.length, "cell")}${rest}`);
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
  /** The part of the cells to measure. */
  readonly shard?: Shard | undefined;
  /** Networks to compare gradients on. */
  readonly experiment?: Omit<DepthSettings, "images">;
  /** Shapes and threads to time gradients with. */
  readonly scaling?: ScalingSettings | undefined;
  /** Set if other runs measure at the same time. */
  readonly turns?: Turns | undefined;
}

const planOf = (
  selection: Selection,
  {
    sweeps,
    cellMethods = selection.methods,
    depths = [],
    threads = [],
  }: {
    readonly sweeps: readonly Sweep[];
    readonly cellMethods?: readonly MethodId[] | undefined;
    readonly depths?: readonly number[] | undefined;
    readonly threads?: readonly number[] | undefined;
  },
): Plan => ({
  cells: planCells({ ...selection, methods: cellMethods }),
  curves: planCurves(selection, sweeps),
  networks: planNetworks(selection, depths),
  series: planSeries(selection, threads),
});

/** The part of a plan that a run is for, and the digest of the whole. */
async function planned(
  whole: Plan,
  { profile, seed, shard = WHOLE }: Pick<Header, "profile" | "seed" | "shard">,
): Promise<{ plan: Plan; digest: string }> {
  const { cells, digest } = await shardWork(whole.cells, shard, PROFILES[profile], seed);
  return { plan: { ...whole, cells }, digest };
}

/** Starts a new run. @throws UsageError if no backend of the selection could run any of it. */
export async function startRun(request: Request, console: Console, output: Output): Promise<number> {
  const { command, argv, settings, selection, sweeps, cellMethods, shard, experiment, scaling, turns } =
    request;
  const whole = planOf(selection, {
    sweeps,
    cellMethods,
    depths: experiment?.depths,
    threads: scaling?.threads,
  });
  await assertRunnable(workOf(whole));
  const { plan, digest } = await planned(whole, { ...settings, shard });

  const described = experiment && (await describedImages(imagesNeeded(experiment), console));
  const machine = describeEnvironment();
  const reported = plan.cells.length + plan.series.length > 0 && !PROFILES[settings.profile].timesOnly;
  const environment = reported ? await withBandwidth(machine, settings.threads, console) : machine;
  const startedAt = new Date();
  const name = command === "bench" ? settings.profile : command;
  const folder = createRunFolder(settings.out, name, startedAt);
  const header: Header = {
    type: "run",
    journalVersion: 2,
    id: folder.id,
    startedAt: startedAt.toISOString(),
    command,
    profile: settings.profile,
    argv: [...argv],
    commit: currentCommit(),
    version: VERSION,
    plan: digest,
    ...(shard ? { shard } : {}),
    branch: currentBranch(),
    seed: settings.seed,
    threads: settings.threads,
    ...(settings.timeMs === undefined ? {} : { timeMs: settings.timeMs }),
    backends: [...selection.backends],
    methods: [...selection.methods],
    ...(cellMethods ? { cellMethods: [...cellMethods] } : {}),
    dtypes: [...selection.dtypes],
    workloads: selection.workloads.map(({ id }) => id),
    ...(selection.cells ? { cells: [...selection.cells] } : {}),
    sweeps: sweeps.map(({ id }) => id),
    ...(experiment && described ? { depth: { ...experiment, images: described.description } } : {}),
    ...(scaling ? { scaling } : {}),
    environment,
  };
  const journal = beginJournal(folder, header, plan);
  const images = described?.images;
  return runAndPublish({ folder, header, plan, journal, images, done: [], turns }, console, output);
}

/** What the fastest gradient is held against; a machine too small to measure it does without. */
async function withBandwidth(
  environment: Environment,
  threads: number,
  { stderr }: Console,
): Promise<Environment> {
  try {
    return { ...environment, copyBandwidth: await measureCopyBandwidth(threads, environment.cacheBytes) };
  } catch (error) {
    writeLine(stderr, `the copy bandwidth of this machine was not measured: ${messageOf(error)}`);
    return environment;
  }
}

/** What a run was started to do. @throws UsageError if that is not what this version would do. */
export async function planOfRun(header: Header): Promise<Plan> {
  checkNetworks(header);
  const cellMethods = header.cellMethods && select({ ...header, methods: header.cellMethods }).methods;
  const sweeps = selectSweeps(header.sweeps ?? []);
  const whole = planOf(select(header), {
    sweeps,
    cellMethods,
    depths: header.depth?.depths,
    threads: header.scaling?.threads,
  });
  const { plan, digest } = await planned(whole, header);
  if (digest === header.plan) return plan;
  throw new UsageError(
    `${header.id} was planned by another version of softmax-bench; continue it with that, or start a new run`,
  );
}

function checkNetworks({ depth }: Header): void {
  for (const layers of depth?.depths ?? []) {
    try {
      network(depth?.network ?? "mlp", layers, 1, "float32");
    } catch (error) {
      throw new UsageError(`the run's journal is damaged: ${messageOf(error)}; start a new run`);
    }
  }
}

/** Continues an interrupted run: measures only what its journal lacks. */
export async function resumeRun(
  command: Request["command"],
  { out, id }: { readonly out: string; readonly id: string },
  console: Console,
  output: Output,
): Promise<number> {
  const folder = findRunFolder(out, id);
  const recovered = Journal.recover(folder.journal);
  const { header, entries, journal } = recovered;
  if ((header.command ?? "bench") !== command) {
    throw new UsageError(
      `${folder.id} is not a run of pnpm ${command}; continue with: ${resumeCommand(header, folder)}`,
    );
  }
  for (const line of recoveryLines(folder, recovered)) writeLine(console.stderr, line);
  const plan = await planOfRun(header);
  checkPublishable(header, entries, plan);
  const images = header.depth && (await sameImages(header.depth, console));
  return runAndPublish({ folder, header, plan, journal, images, done: entries }, console, output);
}

/** @throws UsageError if it cannot be written, or the results could not be in the end; nothing is left behind then. */
function beginJournal(folder: RunFolder, header: Header, plan: Plan): Journal {
  try {
    checkPublishable(header, [], plan);
    return Journal.begin(folder.journal, header);
  } catch (error) {
    rmSync(folder.path, { recursive: true, force: true });
    if (!isSystemError(error)) throw error;
    throw new UsageError(
      `cannot write to ${folder.path}: ${error.message}; make room, or choose another --out`,
    );
  }
}

/** @throws UsageError if what is known of a run before it measures anything does not match the schema of results */
function checkPublishable(header: Header, entries: readonly Entry[], plan: Plan): void {
  try {
    formatResults(assemble(header, entries, plan));
  } catch (error) {
    if (!(error instanceof ResultsError)) throw error;
    throw new UsageError(`no results could be written of this run: ${error.message}; nothing was measured`);
  }
}

/** What happened to a run, and what that cost. */
function recoveryLines(
  { journal }: RunFolder,
  { entries, tornBytes, damage, repeated, abrupt }: Recovered,
): string[] {
  const results = entries.filter((entry) => resultKey(entry) !== undefined && !isTwin(entry)).length;
  return [
    ...(abrupt
      ? [
          `the process before was ended by force after ${plural(results, "result")}: killed, out of memory, or without power`,
        ]
      : []),
    ...(tornBytes > 0
      ? [`dropped an unfinished last line (${plural(tornBytes, "byte")}) of ${journal}`]
      : []),
    ...damage.map(
      ({ line, problem }) => `${journal}:${line} is damaged (${problem}): what it held is done again`,
    ),
    ...repeatedLine(journal, repeated),
  ];
}

function repeatedLine(journal: string, [repeated, ...others]: Recovered["repeated"]): string[] {
  if (!repeated) return [];
  const more = others.length ? ` (${plural(others.length, "more line")} like it)` : "";
  return [`${journal}:${repeated.line} repeats line ${repeated.first} and counts for nothing${more}`];
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
