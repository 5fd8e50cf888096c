import { rmSync } from "node:fs";
import {
  type Environment,
  isSystemError,
  type MethodId,
  messageOf,
  placeName,
  type Shard,
  type Sweep,
} from "@softmax-bench/core";
import { describedImages } from "../experiments/networks/images.js";
import { imagesNeeded } from "../experiments/networks/network-inputs.js";
import { currentBranch, currentCommit } from "../fs/repository.js";
import type { Settings } from "../plan/options.js";
import { type Plan, workOf } from "../plan/plan.js";
import { PROFILES } from "../plan/profiles.js";
import { assertRunnable } from "../plan/runnable.js";
import type { Selection } from "../plan/selection.js";
import {
  type DepthSettings,
  type Header,
  JOURNAL_VERSION,
  type ScalingSettings,
} from "../results/journal/entries.js";
import { Journal } from "../results/journal/journal.js";
import type { Turns } from "../session/turns.js";
import { type Console, writeLine } from "../terminal/console.js";
import { UsageError } from "../terminal/errors.js";
import { agreeOnParts, imageOptions } from "./agree-on-parts.js";
import { describeEnvironment, VERSION } from "./machine/environment.js";
import { measureCopyBandwidth } from "./machine/measure-copy-bandwidth.js";
import { needsBandwidth } from "./needs-bandwidth.js";
import { checkPublishable, planWork, shardPlan } from "./plan-run.js";
import { createRunFolder, type RunFolder } from "./publish.js";
import { type Output, runAndPublish } from "./run-and-publish.js";

/** A checked request for a run. */
export interface Request {
  readonly command: NonNullable<Header["command"]>;
  readonly argv: readonly string[];
  readonly settings: Settings;
  readonly selection: Selection;
  readonly sweeps: readonly Sweep[];
  /** Methods of the cells, if fewer than those of the curves. */
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

/** Starts a new run. @throws UsageError if no backend of the selection could run any of it. */
export async function startRun(request: Request, console: Console, output: Output): Promise<number> {
  const { command, argv, settings, selection, sweeps, cellMethods, shard, experiment, scaling, turns } =
    request;
  const whole = planWork(selection, {
    sweeps,
    cellMethods,
    depths: experiment?.depths,
    threads: scaling?.threads,
  });
  await assertRunnable(workOf(whole));
  const { plan, digest } = await shardPlan(whole, { ...settings, shard });

  const { consent } = output;
  if (consent && experiment) {
    const backends = new Set(workOf(plan).map(({ backend }) => backend));
    await agreeOnParts(consent, { backends, hosts: selection.hosts, images: true }, console.signal);
  }
  const described =
    experiment && (await describedImages(imagesNeeded(experiment), imageOptions(console, consent)));
  const machine = describeEnvironment();
  const isCompared =
    needsBandwidth(whole, scaling, machine.cacheBytes) && !PROFILES[settings.profile].digestsOnly;
  const environment = isCompared ? await withBandwidth(machine, settings.threads, console) : machine;
  const startedAt = new Date();
  const name = command === "bench" ? settings.profile : command;
  const folder = createRunFolder(settings.out, name, startedAt);
  const header: Header = {
    type: "run",
    journalVersion: JOURNAL_VERSION,
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
    ...(selection.places.some(({ host }) => host !== undefined)
      ? {
          places: selection.places.map(placeName),
          hosts: selection.hosts.map(({ id, path }) => ({ id, path })),
        }
      : {}),
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

/** Adds the bandwidth that the fastest gradient is compared with. A machine too small to measure it has none. */
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
