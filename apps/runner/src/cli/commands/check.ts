import type { FloatDType } from "@softmax-bench/core";
import { type BackendRecord, METHODS, placeName } from "@softmax-bench/core";
import { type GradcheckRecord, renderGradcheck } from "@softmax-bench/report";
import { loadBackend } from "../../plan/load-backends.js";
import { methodsIn } from "../../plan/selected-methods.js";
import { agreeOnParts } from "../../run/agree-on-parts.js";
import { noneAvailable } from "../../run/problems.js";
import { Hosts } from "../../session/hosts.js";
import { runJobs } from "../../session/jobs.js";
import { type Console, terminalOptions, writeBlock } from "../../terminal/console.js";
import { EXIT } from "../../terminal/errors.js";
import { CHECK_CASES, Check, describeTolerances } from "../../user-gradient/gradcheck.js";
import { addDtypeOption, addHostOption, newCommand, type SelectionFlags, withSelection } from "../command.js";
import { selectForJobs, toJobOptions } from "../job-options.js";

interface Flags extends SelectionFlags {
  readonly dtype?: string[];
  readonly host?: string[];
}

export const command = () =>
  addHostOption(addDtypeOption(withSelection(newCommand("check"))))
    .description(
      `Checks ${METHODS.length} methods on every backend, with ${CHECK_CASES.length} combinations of loss options, against central\n` +
        "differences of the oracle's loss and against the oracle's gradient, each within a tolerance derived beforehand.",
    )
    .addHelpText(
      "after",
      "\nExit codes: 0 all within tolerance; 1 one is not, or failed, or no backend is available; 2 wrong usage; 130 stopped.",
    );

/** Checks gradients; one line for each method, backend and dtype. */
export async function check(argv: readonly string[], console: Console): Promise<number> {
  const flags = command().parse(argv, { from: "user" }).opts<Flags>();
  const { stdout, stderr, signal } = console;
  const selection = await selectForJobs(flags, flags.dtype);
  const { places, dtypes } = selection;
  const jobOptions = toJobOptions(flags, console);
  if (jobOptions.consent) await agreeOnParts(jobOptions.consent, selection, signal);
  using hosts = await Hosts.open(selection.hosts, jobOptions);
  const options = { ...jobOptions, hosts };
  const checks = new Map<FloatDType, readonly Check[]>(
    dtypes.map((dtype) => [dtype, CHECK_CASES.map((check) => new Check(check, dtype))]),
  );

  const records: GradcheckRecord[] = [];
  const seen: BackendRecord[] = [];
  for (const place of places) {
    const kernels = (await loadBackend(place.backend))?.kernels;
    const jobs = dtypes.flatMap((dtype) =>
      methodsIn(selection, place).flatMap((method) =>
        (checks.get(dtype) ?? []).map((check) => ({
          check,
          task: check.taskFor({ method, dtype }),
          inputs: check.inputs,
        })),
      ),
    );
    const record = await runJobs(place, jobs, options, ({ task, check }, outcome) => {
      const { method, dtype } = task;
      const found =
        outcome.status === "ok"
          ? { status: outcome.status, ...check.compare(task, outcome.result.gradient, kernels) }
          : outcome;
      keepWorse(records, { backend: placeName(place), method, dtype, ...found });
    });
    if (record) seen.push(record);
    if (signal.aborted) return EXIT.interrupted;
  }
  const derivation = describeTolerances(records.map(({ method }) => method));
  writeBlock(stdout, renderGradcheck(records, derivation, terminalOptions(stdout)));
  if (noneAvailable(seen, stderr)) return EXIT.failure;
  return records.every(passes) ? EXIT.ok : EXIT.failure;
}

/**
 * Keeps one record of a method, backend and dtype: a failed case if any, otherwise the worst of each comparison. Cases
 * that the backend does not support are kept beside the others.
 */
function keepWorse(records: GradcheckRecord[], next: GradcheckRecord): void {
  const isSupported = ({ status }: GradcheckRecord) => status !== "unsupported";
  const index = records.findIndex(
    (record) =>
      record.backend === next.backend &&
      record.method === next.method &&
      record.dtype === next.dtype &&
      isSupported(record) === isSupported(next),
  );
  const known = records[index];
  if (!known) records.push(next);
  else if (known.status === "ok") records[index] = next.status === "ok" ? worse(known, next) : next;
}

function worse<R extends Extract<GradcheckRecord, { status: "ok" }>>(a: R, b: R): R {
  const pick = (of: "oracle" | "differences") => (a[of].ratio >= b[of].ratio ? a[of] : b[of]);
  return { ...a, oracle: pick("oracle"), differences: pick("differences") };
}

const passes = (record: GradcheckRecord): boolean =>
  record.status === "ok"
    ? record.oracle.ratio <= 1 && record.differences.ratio <= 1
    : record.status === "unsupported";
