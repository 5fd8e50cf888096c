import { dirname } from "node:path";
import { setFlagsFromString } from "node:v8";
import {
  commandLine,
  commandOfRun,
  isSystemError,
  plural,
  type Results,
  shellWord,
} from "@softmax-bench/core";
import { formatResults } from "@softmax-bench/core/results";
import type { Images } from "@softmax-bench/networks";
import { renderSummary, renderTerminal, reportView } from "@softmax-bench/report";
import type { Experiment } from "../experiments/experiment.js";
import { createExperiments } from "../experiments/index.js";
import { DEFAULT_OUT } from "../plan/default-out.js";
import { hostsOfRun } from "../plan/host-requests.js";
import { loadBackends } from "../plan/load-backends.js";
import { isRunnable, type Plan, workOf } from "../plan/plan.js";
import { PROFILES } from "../plan/profiles.js";
import { saveBaseline } from "../results/baselines.js";
import type { Entry, Header } from "../results/journal/entries.js";
import type { Journal } from "../results/journal/journal.js";
import { RunState } from "../results/journal/remaining-work.js";
import type { Consent } from "../session/consent.js";
import { Hosts } from "../session/hosts.js";
import { probeBrowsers } from "../session/probe-browsers.js";
import { provisionBackends } from "../session/provision.js";
import type { Turns } from "../session/turns.js";
import { type Console, terminalOptions, writeBlock, writeJson, writeLine } from "../terminal/console.js";
import { EXIT, UsageError } from "../terminal/errors.js";
import { agreeOnParts } from "./agree-on-parts.js";
import { assemble } from "./assemble.js";
import { describeFewest } from "./describe-fewest.js";
import { MachineMonitor } from "./machine/machine-monitor.js";
import { orchestrate, remainingCells, remainingExperiments } from "./orchestrate.js";
import { anyBroken, noneAvailable } from "./problems.js";
import { processesAtOnce } from "./processes-at-once.js";
import { createProgress } from "./progress.js";
import { publish, type RunFolder } from "./publish.js";

export interface Output {
  /** Results as JSON on stdout; the summary goes to stderr. */
  readonly json: boolean;
  /** True to print every cell, not only the answers. */
  readonly full?: boolean;
  /** The consent to installing what backends and hosts lack; undefined to install nothing. */
  readonly consent: Consent | undefined;
  /** The name of a baseline that keeps the results once they are complete. */
  readonly saveBaseline?: string | undefined;
  /** True to keep them even if the machine was busy. */
  readonly force?: boolean;
}

/** A run that has a folder and an open journal. */
export interface Run {
  readonly folder: RunFolder;
  readonly header: Header;
  readonly plan: Plan;
  readonly journal: Journal;
  readonly images: Images | undefined;
  readonly done: readonly Entry[];
  readonly turns?: Turns | undefined;
}

/** Measures the remaining part of a run, and publishes it. @returns the exit code */
export async function runAndPublish(run: Run, console: Console, output: Output): Promise<number> {
  // The run cannot be continued before it is published.
  using _open = run.journal;
  try {
    return await measureAndPublish(run, console, output);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const { header, folder } = run;
    throw new UsageError(
      `${error.message} while writing to ${folder.path}; mend that and continue with: ${resumeCommand(header, folder)}`,
    );
  }
}

async function measureAndPublish(run: Run, console: Console, output: Output): Promise<number> {
  const { json, consent, saveBaseline: baseline } = output;
  const { folder, header, plan, journal, images, done, turns } = run;
  const entries = [...done];
  const experiments = createExperiments(header, images);
  const backends = await loadBackends(header.backends);
  const profile = PROFILES[header.profile];
  const runnable = {
    ...plan,
    cells: plan.cells.filter((cell) => isRunnable(cell, profile, backends.get(cell.backend))),
  };
  const count = (entries: readonly Entry[]) =>
    remainingCount(runnable, entries, experiments, profile.processes);
  const what = [
    ...(plan.cells.length > 0 ? ["measurements"] : []),
    ...experiments.map(({ unit }) => unit),
  ].join(" and ");
  const cannot = plan.cells.length - runnable.cells.length;
  writeLine(
    console.stderr,
    [
      `${folder.id}: ${count(done)} of ${count([])} ${what} to do`,
      ...(cannot > 0 ? [`${plural(cannot, "cell")} skipped (unsupported, or left out by the profile)`] : []),
      `results in ${folder.path}`,
    ].join(", "),
  );
  const say = (line: string) => writeLine(console.stderr, line);
  const fewest = done.length === 0 ? describeFewest(runnable.cells, header, backends) : undefined;
  if (fewest) say(fewest);
  const used = new Set(workOf(plan).map(({ backend }) => backend));
  const requests = hostsOfRun(header);
  if (consent) await agreeOnParts(consent, { backends: used, hosts: requests }, console.signal);
  const provisioned = await provisionBackends(consent ? [...used] : [], {
    say,
    signal: console.signal,
    wanted: false,
    confirm: consent?.confirm,
  });
  const progress = createProgress(console.stderr);
  const append = (entry: Entry) => {
    // Waiting for the disk after each digest would take longer than computing most of them again.
    journal.append(entry, { isOnDisk: !profile.untimed });
    entries.push(entry);
  };
  // Garbage is collected on allocation here, not in steps and threads beside the measuring workers.
  setFlagsFromString("--no-incremental-marking");
  try {
    using hosts = await Hosts.openSeveral(processesAtOnce(header.profile, header.threads), requests, {
      consent,
      say: (line) => progress.say(line),
      signal: console.signal,
    });
    await orchestrate({
      header,
      plan,
      experiments,
      hosts: hosts.tables,
      backends,
      monitor: new MachineMonitor(),
      done,
      append,
      provisioned,
      turns,
      observer: progress,
      signal: console.signal,
    });
  } finally {
    progress.stop();
  }
  const results = assemble(header, entries, plan, experiments);
  const view = reportView(results);
  await publish(folder, results, view);

  const shown = json ? console.stderr : console.stdout;
  const render = output.full ? renderTerminal : renderSummary;
  writeBlock(shown, render(view, terminalOptions(shown)));
  if (json) writeJson(console.stdout, formatResults(results));
  writeLine(console.stderr, `wrote ${folder.path}/results.json, report.md and report.html`);
  if (header.profile === "default" && !header.hosts) await suggestBrowsers(console);
  if (view.busy) writeLine(console.stderr, view.busy);
  const code = toExitCode(results, run, console);
  if (baseline === undefined || code === EXIT.interrupted) return code;
  if (view.busy && !output.force) {
    writeLine(
      console.stderr,
      `baseline ${baseline} was not saved: the machine was busy. Repeat the run when it is quiet, or use --force`,
    );
    return EXIT.failure;
  }
  writeLine(console.stderr, `wrote ${saveBaseline(dirname(folder.path), baseline, results)}`);
  return code;
}

/** Prints that the same cells can be measured in browsers, if any are installed. */
async function suggestBrowsers({ stderr }: Console): Promise<void> {
  const browsers = (await probeBrowsers()).filter(({ status }) => status === "available").map(({ id }) => id);
  if (browsers.length === 0) return;
  writeLine(stderr, `not in browsers yet: --host node,${browsers.join()} measures the same cells there, too`);
}

/** Counts the missing results among those that a run must have. */
function remainingCount(
  plan: Plan,
  entries: readonly Entry[],
  experiments: readonly Experiment[],
  processes: number,
): number {
  const state = new RunState(entries, plan.cells, false);
  const cells = Array.from({ length: processes }, (_, round) => remainingCells(plan, state, round).length);
  return cells.reduce((sum, count) => sum + count, 0) + remainingExperiments(plan, state, experiments).length;
}

/** The command that continues a run. */
export const resumeCommand = ({ command }: Header, { id, path }: RunFolder): string => {
  const out = dirname(path);
  return [
    commandLine(`${commandOfRun(command)} --resume ${id}`),
    ...(out === DEFAULT_OUT ? [] : [`--out ${shellWord(out)}`]),
  ].join(" ");
};

function toExitCode(results: Results, { header, folder }: Run, console: Console): number {
  const isComplete = results.run.status !== "interrupted";
  if (!isComplete || console.signal.aborted) {
    // Results are complete if a further process was stopped. That one is finished when the run is continued.
    const { processes } = PROFILES[header.profile];
    const after =
      isComplete && results.cells.length > 0
        ? ` after ${plural(processes, "process", "processes")} of each cell`
        : "";
    writeLine(console.stderr, `stopped${after}; continue with: ${resumeCommand(header, folder)}`);
    return EXIT.interrupted;
  }
  // A shard may have only cells that another machine can run; `merge` sees the whole.
  if (!header.shard && noneAvailable(results.backends, console.stderr)) return EXIT.failure;
  const nothingTimed = results.scaling?.series.every(({ status }) => status !== "ok");
  if (nothingTimed) writeLine(console.stderr, "no series could be timed; the report says why");
  return anyBroken(results, console.stderr) || nothingTimed ? EXIT.failure : EXIT.ok;
}
