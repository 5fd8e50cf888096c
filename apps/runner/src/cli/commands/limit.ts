import { basename, dirname, join } from "node:path";
import {
  commandLine,
  findWorkload,
  namePlaces,
  plural,
  type Results,
  USUAL_DTYPE_IDS,
  type Workload,
} from "@softmax-bench/core";
import { type NativeTime, renderLimit } from "@softmax-bench/report";
import { median } from "@softmax-bench/stats";
import { requireClone } from "../../fs/repository.js";
import { writeAtomically } from "../../fs/write-atomically.js";
import { DEFAULT_OUT } from "../../plan/default-out.js";
import { hasCells, needResults, RESULTS } from "../../results/find-results.js";
import { describeEnvironment } from "../../run/machine/environment.js";
import { buildNativeLimit } from "../../run/machine/native-limit.js";
import { type Console, terminalOptions, writeBlock, writeJson, writeLine } from "../../terminal/console.js";
import { EXIT, UsageError } from "../../terminal/errors.js";
import { newCommand } from "../command.js";

interface Flags {
  readonly in: string;
  readonly json?: boolean;
}

/** Time for which each workload is timed, in milliseconds. */
const MILLISECONDS = 400;

/** Ratio of median to least time from which other work has shared the processor. */
const DISTURBED = 1.5;

/** The largest plausible number of threads; a file may claim anything. */
const MOST_THREADS = 1024;

export const command = () =>
  newCommand("study limit")
    .description(
      "Builds the same gradient in C for this processor (tools/native-limit; needs cc with OpenMP, or what CC names), times\n" +
        "it on the workloads of a run, and says how far the run's backends are from that.",
    )
    .argument("[run]", "latest, a run's id, a file or a git revision; e.g. 20260131-120000-default", "latest")
    .option("--in <dir>", "folder with runs; e.g. --in /tmp/runs", DEFAULT_OUT)
    .option("--json", "the native times as JSON on stdout; e.g. --json > native-limit.json")
    .addHelpText(
      "after",
      "\nWrites native-limit.json beside a run's results.json.\n\nNeeds a machine that does nothing else.\n\nExit codes: 0 done; 1 the machine was busy; 2 wrong usage, no compiler, or a run of another machine; 130 stopped.",
    );

/** Times native code on the workloads of a run. */
export async function limit(argv: readonly string[], { stdout, stderr, signal }: Console): Promise<number> {
  const parsed = command().parse(argv, { from: "user" });
  const { in: folder, json } = parsed.opts<Flags>();
  requireClone("it builds the C of the clone; run it in one");
  const { file, results } = await needResults(parsed.args[0] ?? "latest", folder, hasCells);
  checkMachine(results);
  const needed = nativeTimeRows(namePlaces(results));
  if (needed.length === 0) {
    throw new UsageError(
      `${file} has no cells that were timed on a processor, as runs of the command bench have; name such a run, or make one`,
    );
  }
  try {
    using native = await buildNativeLimit(signal);
    const times: NativeTime[] = [];
    const disturbed: string[] = [];
    for (const { workload, dtype, threads, ...shape } of needed) {
      writeLine(stderr, `${workload} ${dtype}, ${threads} ${threads === 1 ? "thread" : "threads"}`);
      const samples = await native.times(shape, dtype, threads, MILLISECONDS);
      const leastNs = samples.reduce((least, ns) => Math.min(least, ns));
      const medianNs = median(samples);
      if (medianNs > DISTURBED * leastNs) disturbed.push(`${workload} ${dtype}`);
      times.push({ workload, dtype, threads, medianNs });
    }
    const record = { run: results.run.id, cpu: results.environment.cpu, compiler: native.compiler, times };
    const text = `${JSON.stringify(record, null, 2)}\n`;
    const shown = json ? stderr : stdout;
    const rendered = renderLimit(results, times, native.compiler, terminalOptions(shown));
    writeBlock(shown, rendered);
    if (json) writeJson(stdout, text);
    if (disturbed.length > 0) {
      writeLine(
        stderr,
        `the machine was busy: times varied on ${disturbed.join(", ")} (OpenMP's threads wait for each other); nothing is kept, repeat it when nothing else runs`,
      );
      return EXIT.failure;
    }
    // Beside a run's results. A file from elsewhere, or a baseline, has no such place.
    if (basename(file) === RESULTS) {
      const written = join(dirname(file), "native-limit.json");
      writeAtomically(written, text);
      writeLine(stderr, `wrote ${written}`);
    }
    return EXIT.ok;
  } catch (error) {
    if (signal.aborted) return EXIT.interrupted;
    throw error;
  }
}

/** @throws UsageError if the run's times come from another machine, or from several. */
function checkMachine({ run, environment, machines }: Results): void {
  const { cpu, cores } = describeEnvironment();
  if (machines?.length) {
    throw new UsageError(`${run.id} was measured on several machines; name a run of this one alone`);
  }
  if (environment.cpu === cpu && environment.cores === cores) return;
  throw new UsageError(
    `${run.id} was measured on ${plural(environment.cores, "core")} of ${environment.cpu}, and this machine has ${cores} of ${cpu}; measure here first: ${commandLine("bench")}`,
  );
}

/** A workload of this project. A file may name others, or ones that are too large. */
function known(id: string): Workload | undefined {
  try {
    return findWorkload(id);
  } catch {
    return undefined;
  }
}

interface NativeTimeRow extends Omit<NativeTime, "medianNs"> {
  readonly rows: number;
  readonly classes: number;
}

/**
 * Each combination of workload, dtype and number of threads that the run's processors were timed with.
 *
 * @param results in which places have names of their own
 */
function nativeTimeRows({ cells, backends }: Results): NativeTimeRow[] {
  const needed = new Map<string, NativeTimeRow>();
  for (const { backend: id, workload, dtype, timing } of cells) {
    const backend = backends.find((one) => one.id === id);
    const found = known(workload);
    if (!timing?.gradient || !found || backend?.device?.kind !== "cpu") continue;
    // The program in C has no half precision.
    if (!USUAL_DTYPE_IDS.includes(dtype)) continue;
    const { threads = 1 } = backend;
    if (threads > MOST_THREADS) continue;
    const { rows, classes } = found;
    needed.set(JSON.stringify([workload, dtype, threads]), { workload, dtype, threads, rows, classes });
  }
  return [...needed.values()];
}
