import { type BackendRecord, DTYPE_IDS, type FloatArray, placeName, plural } from "@softmax-bench/core";
import { assessGradient, assessLoss, oracle } from "@softmax-bench/numerics";
import { type GradientRecord, renderGradients } from "@softmax-bench/report";
import { loadRegistry } from "../../plan/load-backends.js";
import { parseHost } from "../../plan/places.js";
import { methodsIn } from "../../plan/plan.js";
import { selectOnHosts } from "../../plan/selection.js";
import { noneAvailable } from "../../run/problems.js";
import { agreeOnParts } from "../../session/agree-on-parts.js";
import { Hosts } from "../../session/hosts.js";
import { type Job, type JobOutcome, runJobs } from "../../session/jobs.js";
import { type Console, terminalOptions, writeBlock, writeJson, writeLine } from "../../terminal/console.js";
import { EXIT } from "../../terminal/errors.js";
import { jsonText } from "../../terminal/json.js";
import { GradientFolder } from "../../user-gradient/gradient-folder.js";
import { readProblem, type UserProblem } from "../../user-gradient/user-arrays.js";
import { addHostOption, newCommand, type SelectionFlags, withSelection } from "../command.js";
import { toJobOptions } from "../job-options.js";
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
        newCommand("gradient").description(
          "Runs your own logits through every backend and method, and compares each loss and gradient with the oracle.\n" +
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
export async function gradient(argv: readonly string[], console: Console): Promise<number> {
  const flags = command().parse(argv, { from: "user" }).opts<Flags>();
  const { stdout, stderr, signal } = console;
  const selection = await selectOnHosts(
    {
      backends: flags.backend,
      hosts: flags.host?.map(parseHost),
      methods: flags.method,
      dtypes: [flags.dtype],
      workloads: [],
    },
    await loadRegistry(),
  );
  const [dtype = "float32"] = selection.dtypes;
  const jobOptions = toJobOptions(flags, console);
  if (jobOptions.consent) await agreeOnParts(jobOptions.consent, selection, signal);
  using hosts = await Hosts.open(selection.hosts, jobOptions);
  const options = { ...jobOptions, hosts };
  const problem = readProblem(flags, dtype, toLossOptions(flags));
  const { rows, classes, inputs, loss } = problem;
  const reference = oracle({ rows, classes, ...inputs, ...loss });
  const folder = flags.out === undefined ? undefined : new GradientFolder(flags.out);

  const records: GradientRecord[] = [];
  const backends: BackendRecord[] = [];
  for (const place of selection.places) {
    const backend = placeName(place);
    const jobs = methodsIn(selection, place).map((method) => ({
      task: { method, dtype, rows, classes, loss },
      inputs,
    }));
    const record = await runJobs(place, jobs, options, (job: Job, outcome: JobOutcome) => {
      const { method } = job.task;
      if (outcome.status !== "ok") return void records.push({ backend, method, ...outcome });
      const { result, note } = outcome;
      folder?.write(backend, method, result, problem);
      records.push({
        backend,
        method,
        note,
        status: "ok",
        lossRelError: assessLoss(result.loss, reference),
        gradientError: assessGradient(result.gradient, reference, dtype),
        loss: result.loss,
        ...(flags.json && rows * classes <= INLINE_ELEMENTS ? { gradient: result.gradient } : {}),
      });
    });
    if (record) backends.push(record);
    if (signal.aborted) return EXIT.interrupted;
  }
  if (flags.json) writeJson(stdout, `${toJson(problem, dtype, reference.loss.hi, records)}\n`);
  else writeBlock(stdout, renderGradients(records, terminalOptions(stdout)));
  if (folder) writeLine(stderr, `wrote ${plural(folder.written, "gradient")} to ${folder.path}`);
  return toExitCode(records, backends, console);
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
  dtype: string,
  exactLoss: ArrayLike<number>,
  records: readonly GradientRecord[],
): string {
  const toLoss = (values: ArrayLike<number>) => (loss.reduction === "none" ? Array.from(values) : values[0]);
  const toRows = (values: FloatArray) =>
    Array.from({ length: rows }, (_, row) => Array.from(values.subarray(row * classes, (row + 1) * classes)));
  return jsonText({
    rows,
    classes,
    dtype,
    loss,
    exact: { loss: toLoss(exactLoss) },
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
