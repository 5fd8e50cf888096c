import type {
  BackendRecord,
  CellStatus,
  GradientResult,
  GradientTask,
  Inputs,
  Place,
  Steadiness,
} from "@softmax-bench/core";
import { floatArray, messageOf } from "@softmax-bench/core";
import { inputArrays, lossLength, type Sampling } from "@softmax-bench/measure";
import { loadBackend } from "../plan/load-backends.js";
import { PROFILES } from "../plan/profiles.js";
import { BackendSession } from "./backend-session.js";
import type { Consent } from "./consent.js";
import type { Hosts } from "./hosts.js";
import { type TaskOutcome, toTaskOutcome } from "./outcome.js";
import { PhaseTimer } from "./phase-timer.js";
import { provisionBackends } from "./provision.js";

/** A task on given inputs. */
export interface Job {
  readonly task: GradientTask;
  readonly inputs: Inputs;
  /** The sampling of its time; absent for none. */
  readonly sampling?: Sampling;
}

export type JobOutcome =
  | {
      readonly status: "ok";
      readonly result: GradientResult;
      readonly note: string | undefined;
      /** Times of loss and gradient; empty without sampling. */
      readonly gradientNs: readonly number[];
      /** Tells if those had stopped changing; untested without sampling. */
      readonly steadiness: Steadiness;
    }
  | { readonly status: Exclude<CellStatus, "ok">; readonly reason: string };

export interface JobOptions {
  readonly threads: number;
  readonly signal: AbortSignal;
  /** The consent to installing native parts that the backend lacks; undefined to install none. */
  readonly consent: Consent | undefined;
  /** Prints a line for the user. */
  readonly say: (line: string) => void;
  /** Among them is the host of the place. */
  readonly hosts: Hosts;
  /** Watches the machine while a session has a process; its window ends before that does. */
  readonly watch?: { begin(): Promise<void>; end(): Promise<void> };
}

/**
 * Computes jobs on one backend, in a process or a page of its own, and hands over each outcome as it comes. When the
 * signal aborts, what is under way is given up. What `consume` throws ends it all.
 *
 * @returns the backend's record; undefined if there was nothing to do.
 */
export async function runJobs<J extends Job>(
  place: Place,
  jobs: readonly J[],
  { threads, signal, consent, say, hosts, watch }: JobOptions,
  consume: (job: J, outcome: JobOutcome) => void,
): Promise<BackendRecord | undefined> {
  const { backend } = place;
  const provisioned = await provisionBackends(consent ? [backend] : [], {
    say,
    signal,
    wanted: false,
    confirm: consent?.confirm,
  });
  const availability = provisioned.get(backend);
  const problem = await hosts.findProblem(place);
  const adapter = await loadBackend(backend);
  await watch?.begin();
  const session = new BackendSession({
    place,
    threads,
    adapter,
    remedies: hosts.remediesOf(place),
    host: hosts.of(place),
    phaseTimer: new PhaseTimer(),
    timeoutMs: PROFILES.full.cellTimeoutMs,
    unavailable: availability?.available === false ? availability : problem,
  });
  const stop = () => session.end();
  signal.addEventListener("abort", stop);
  try {
    const ids = new Map<Inputs, string>();
    for (const job of jobs) {
      if (signal.aborted) break;
      const { task, sampling } = job;
      if (!ids.has(job.inputs)) ids.set(job.inputs, `inputs ${ids.size}`);
      const inputs = { id: ids.get(job.inputs) as string, make: () => inputArrays(job.inputs) };
      const outcome = await session.run(
        { type: "run", ...task, inputs: inputs.id, sets: 1, sampling },
        inputs,
      );
      if (signal.aborted) break;
      consume(job, toJobOutcome(task, toTaskOutcome(place, outcome, "computed"), session));
    }
    if (!signal.aborted) await watch?.end();
    return session.record;
  } finally {
    signal.removeEventListener("abort", stop);
    session.kill();
  }
}

function toJobOutcome(
  task: GradientTask,
  conclusion: TaskOutcome<"computed">,
  session: BackendSession,
): JobOutcome {
  if (conclusion.status !== "ok") return conclusion;
  const loss = floatArray(task.dtype, lossLength(task));
  const gradient = floatArray(task.dtype, task.rows * task.classes);
  try {
    session.readResults([loss, gradient]);
  } catch (error) {
    return { status: "failed", reason: messageOf(error) };
  }
  const { note, samples, sampling } = conclusion.reply;
  return {
    status: "ok",
    result: { loss, gradient },
    note,
    gradientNs: samples?.gradient ?? [],
    steadiness: sampling?.steadiness.gradient ?? "untested",
  };
}
