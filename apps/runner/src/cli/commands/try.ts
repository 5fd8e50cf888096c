import {
  type BackendRecord,
  DTYPE_IDS,
  type FloatArray,
  type FloatDType,
  type Place,
  placeName,
  plural,
} from "@softmax-bench/core";
import type { Sampling } from "@softmax-bench/measure";
import { assessGradient, assessLoss, oracle } from "@softmax-bench/numerics";
import {
  bestGradient,
  candidates,
  contenders,
  type GradientRecord,
  renderGradients,
  timeOf,
  withProcess,
} from "@softmax-bench/report";
import { median } from "@softmax-bench/stats";
import { QUICK_SAMPLING } from "../../plan/profiles.js";
import { isReference } from "../../plan/references.js";
import { methodsIn } from "../../plan/selected-methods.js";
import { agreeOnParts } from "../../run/agree-on-parts.js";
import { BusyWatch } from "../../run/machine/busy-watch.js";
import { noneAvailable } from "../../run/problems.js";
import { Hosts } from "../../session/hosts.js";
import { type Job, type JobOptions, type JobOutcome, runJobs } from "../../session/jobs.js";
import { type Console, terminalOptions, writeBlock, writeJson, writeLine } from "../../terminal/console.js";
import { EXIT } from "../../terminal/errors.js";
import { jsonText } from "../../terminal/json.js";
import { GradientFolder } from "../../user-gradient/gradient-folder.js";
import { readProblem, type UserProblem } from "../../user-gradient/user-arrays.js";
import { addHostOption, newCommand, type SelectionFlags, withSelection } from "../command.js";
import { selectForJobs, toJobOptions } from "../job-options.js";
import { type ProblemFlags, toLossOptions, withProblem } from "../problem-flags.js";

/** Gradients up to this size are printed with --json. */
const INLINE_ELEMENTS = 10_000;

interface Flags extends SelectionFlags, ProblemFlags {
  readonly dtype: string;
  readonly host?: string[];
  readonly out?: string;
  readonly json?: boolean;
}

export const command = () =>
  addHostOption(
    withSelection(
      withProblem(
        newCommand("try").description(
          "Runs your own logits through every backend and method, times each gradient, compares it with the oracle, and names\n" +
            "the best: the fastest within the error bound whose times had settled.\n" +
            "An array is a .npy file, a tensor of a .safetensors file (x.safetensors#name), or inline JSON.",
        ),
      ),
    ),
  )
    .option("--dtype <dtype>", `${DTYPE_IDS.join(" or ")}; e.g. --dtype float64`, "float32")
    .option("--out <dir>", "writes <dir>/<backend>/<method>/{loss,gradient}.npy; e.g. --out gradients")
    .option("--json", "everything as JSON on stdout, small gradients included; e.g. --json > gradients.json")
    .addHelpText(
      "after",
      "\nExit codes: 0 done; 1 no backend available, or one failed, crashed or timed out; 2 wrong usage or input; 130 stopped.",
    );

/** Computes a user's gradients. */
export async function tryLogits(argv: readonly string[], console: Console): Promise<number> {
  const flags = command().parse(argv, { from: "user" }).opts<Flags>();
  const { stdout, stderr, signal } = console;
  const selection = await selectForJobs(flags, [flags.dtype]);
  const [dtype = "float32"] = selection.dtypes;
  const problem = readProblem(flags, dtype, toLossOptions(flags));
  const jobOptions = toJobOptions(flags, console);
  if (jobOptions.consent) await agreeOnParts(jobOptions.consent, selection, signal);
  using hosts = await Hosts.open(selection.hosts, jobOptions);
  const watch = new BusyWatch();
  const options = { ...jobOptions, hosts, watch };
  const { rows, classes, inputs, loss } = problem;
  const reference = oracle({ rows, classes, ...inputs, ...loss });
  const folder = flags.out === undefined ? undefined : new GradientFolder(flags.out);

  const attempts: Attempt[] = [];
  const backends: BackendRecord[] = [];
  for (const place of selection.places) {
    const backend = placeName(place);
    const jobs = methodsIn(selection, place).map((method) => ({
      task: { method, dtype, rows, classes, loss },
      inputs,
      sampling: QUICK_SAMPLING,
    }));
    const ofPlace: Attempt[] = [];
    const record = await runJobs(place, jobs, options, (job: Job, outcome: JobOutcome) => {
      const { method } = job.task;
      if (outcome.status !== "ok") {
        ofPlace.push({ place, job, record: { backend, method, ...outcome } });
        return;
      }
      const { result, note, gradientNs, steadiness } = outcome;
      folder?.write(backend, method, result, problem);
      const computed: GradientRecord = {
        backend,
        method,
        note,
        status: "ok",
        lossRelError: assessLoss(result.loss, reference),
        gradientError: assessGradient(result.gradient, reference, dtype),
        loss: result.loss,
        mediansNs: [median(gradientNs)],
        steadiness,
        isContender: !isReference(place.backend),
        ...(flags.json && rows * classes <= INLINE_ELEMENTS ? { gradient: result.gradient } : {}),
      };
      ofPlace.push({ place, job, record: computed });
    });
    if (record) backends.push(record);
    attempts.push(...(record?.device?.kind === "software-gpu" ? ofPlace.map(withoutChance) : ofPlace));
    if (signal.aborted) return EXIT.interrupted;
  }
  const records = await repeatFastest(attempts, dtype, options);
  if (signal.aborted) return EXIT.interrupted;
  const busy = watch.reason;
  if (flags.json) writeJson(stdout, `${toJson(problem, dtype, reference.loss.hi, records, busy)}\n`);
  else writeBlock(stdout, renderGradients(records, dtype, busy, terminalOptions(stdout)));
  if (folder) writeLine(stderr, `wrote ${plural(folder.written, "gradient")} to ${folder.path}`);
  return toExitCode(records, backends, console);
}

/** A job and its outcome. */
interface Attempt {
  readonly place: Place;
  readonly job: Job;
  readonly record: GradientRecord;
}

/** Times on a GPU in software say nothing about a GPU. */
const withoutChance = (attempt: Attempt): Attempt =>
  attempt.record.status === "ok"
    ? { ...attempt, record: { ...attempt.record, isContender: false } }
    : attempt;

/** The number of gradients that are timed in a second process. */
const REPEATED = 3;

/** Calls that times of a second process have time for, so that half of them suffice to test for drift; and the longest such time. */
const REPEATED_CALLS = 25;
const MOST_SETTLE_NS = 5e9;

/** Limits for calls of a known time, in nanoseconds. */
function forCallsOf(callNs: number, { limits, ...sampling }: Sampling): Sampling {
  const { gradient } = limits;
  const settleNs = Math.max(gradient.settleNs, Math.min(REPEATED_CALLS * callNs, MOST_SETTLE_NS));
  const patienceNs = Math.max(gradient.patienceNs, settleNs / 2);
  return { ...sampling, limits: { ...limits, gradient: { ...gradient, settleNs, patienceNs } } };
}

/**
 * Times the fastest candidates once more, in fresh processes, and the fastest whose times had settled: the differences
 * between both processes give the resolution. The first process has little time for each, and slow gradients hardly settle in it.
 */
async function repeatFastest(
  attempts: readonly Attempt[],
  dtype: FloatDType,
  options: JobOptions,
): Promise<GradientRecord[]> {
  const records = attempts.map(({ record }) => record);
  const [settled] = contenders(records, dtype);
  const repeated = new Set(candidates(records, dtype).slice(0, REPEATED));
  if (settled) repeated.add(settled);
  for (const record of repeated) {
    const index = records.indexOf(record);
    const { place, job } = attempts[index] as Attempt;
    const again = { ...job, sampling: forCallsOf(timeOf(record), job.sampling ?? QUICK_SAMPLING) };
    await runJobs(place, [again], options, (_, outcome) => {
      if (outcome.status !== "ok") return;
      const { gradientNs, steadiness } = outcome;
      records[index] = withProcess(record, { medianNs: median(gradientNs), steadiness });
    });
    if (options.signal.aborted) break;
  }
  return records;
}

function toExitCode(
  records: readonly GradientRecord[],
  backends: readonly BackendRecord[],
  { stderr }: Console,
): number {
  if (noneAvailable(backends, stderr)) return EXIT.failure;
  return records.every(({ status }) => status === "ok" || status === "unsupported") ? EXIT.ok : EXIT.failure;
}

function toJson(
  { rows, classes, loss }: UserProblem,
  dtype: FloatDType,
  exactLoss: ArrayLike<number>,
  records: readonly GradientRecord[],
  busy: string | undefined,
): string {
  const toLoss = (values: ArrayLike<number>) => (loss.reduction === "none" ? Array.from(values) : values[0]);
  const toRows = (values: FloatArray) =>
    Array.from({ length: rows }, (_, row) => Array.from(values.subarray(row * classes, (row + 1) * classes)));
  const toName = ({ backend, method }: GradientRecord) => ({ backend, method });
  const found = bestGradient(records, dtype);
  return jsonText({
    rows,
    classes,
    dtype,
    loss,
    exact: { loss: toLoss(exactLoss) },
    busy: busy ?? null,
    best: found ? toName(found.best) : null,
    tied: found?.tied.map(toName) ?? [],
    resolution: found?.resolution ?? null,
    results: records.map((record) =>
      record.status === "ok"
        ? {
            ...record,
            loss: toLoss(record.loss),
            ...(record.gradient ? { gradient: toRows(record.gradient) } : {}),
          }
        : record,
    ),
  });
}
