import { createHash } from "node:crypto";
import { join } from "node:path";
import { messageOf, parsePlace, plural, REFERENCE_HOST } from "@softmax-bench/core";
import {
  type CellComparison,
  type Comparison,
  cellId,
  type Limits,
  percent,
} from "@softmax-bench/regression";
import { makeFolder } from "../../fs/make-folder.js";
import { git, resolveCommit } from "../../fs/repository.js";
import { parseHost } from "../../plan/host-requests.js";
import { isReference } from "../../plan/references.js";
import { describeEnvironment } from "../../run/machine/environment.js";
import { Hosts } from "../../session/hosts.js";
import { EXIT, IncomparableError, UsageError } from "../../terminal/errors.js";
import { annotateCulprit } from "../annotations.js";
import { Baseline } from "../baseline.js";
import { prepareCheckout } from "../build-revision.js";
import { CheckoutError } from "../checkout.js";
import { expectedBisectionTime, sayExpectedTime } from "../expected-time.js";
import type { GateRequest } from "../request.js";
import { candidateCells, checkCommit, gateCheckouts } from "../run.js";
import { TimeOver } from "../time-budget.js";
import { findFirstSlower, type StepVerdict } from "./search.js";
import { type BisectStep, StepStore } from "./state.js";

export interface BisectRequest extends Omit<GateRequest, "baseline" | "selection"> {
  /** `good..bad`; without `bad`, HEAD. */
  readonly range: string;
  /** The cell, as `--list` prints it. */
  readonly cell: string;
  /** Receives the steps and the outcome, a line each. */
  readonly print: (line: string) => void;
  /** Receives commands of GitHub's runner about the outcome. */
  readonly annotate: (lines: readonly string[]) => void;
}

/**
 * Names the commit from which on a cell is slower, or its error larger, than at a good commit. Resumes where it was stopped.
 * @param take compares one commit
 * @returns the exit code
 */
export async function bisect(request: BisectRequest, take: TakeStep = takeStep): Promise<number> {
  const { cell, print, out, say } = request;
  const { good, commits } = await readRange(request.range);
  const bad = commits.at(-1) as string;
  const { limits, seed, threads } = request;
  const machine = await describeMachine(request);
  const question = JSON.stringify({ good, bad, cell, seed, threads, ...limits, machine });
  const folder = join(out, `bisect-${good.slice(0, 10)}-${bad.slice(0, 10)}-${digest(question)}`);
  makeFolder(folder);
  const store = new StepStore(join(folder, "bisect.json"), question);
  const most = 1 + Math.ceil(Math.log2(commits.length));
  print(
    `${short(good)}..${short(bad)}: ${plural(commits.length, "commit")}, at most ${plural(most, "gate")} if none is inconclusive`,
  );
  const left = most - store.count;
  if (left > 0) sayExpectedTime(expectedBisectionTime(cell, left), request);
  if (store.count > 0) say(`resuming after ${plural(store.count, "step")} of ${folder}`);
  const subjects = new Map<string, string>();
  let gates = 0;
  const result = await findFirstSlower(commits.length, async (index, attempt) => {
    const commit = commits[index] as string;
    const known = store.settled(commit);
    const plan = { good, commit, attempt, range: store.latest(bad) };
    const step = known ?? (await withinBudget(request, store, () => take(request, plan)));
    if (!known) store.add(step);
    subjects.set(commit, await subjectOf(commit));
    print(
      `${++gates}: ${short(commit)} ${describeStep(step)} – ${subjects.get(commit)}${known ? " (known)" : ""}`,
    );
    return step.verdict;
  });
  if (result.kind === "no difference") {
    const why = store.latest(bad);
    if (result.verdict === "equal") {
      print(`${short(bad)} is not slower than ${short(good)}: nothing to bisect`);
      return EXIT.ok;
    }
    throw new IncomparableError(
      `whether ${short(bad)} is slower than ${short(good)} cannot be told: ${why?.reason ?? result.verdict}; nothing to bisect`,
    );
  }
  const to = result.kind === "found" ? result.index : result.to;
  const culprit = commits[to] as string;
  const size = describeSize(store.settled(culprit));
  if (result.kind === "found") {
    const found = `${culprit} is the first that is worse, ${size}: ${subjects.get(culprit)}`;
    print(found);
    request.annotate([annotateCulprit(cell, found)]);
  } else {
    const found = `the first that is worse, ${size}, is one of these; those before the last cannot be compared:`;
    const open = commits.slice(result.from, to + 1);
    print(found);
    for (const commit of open) print(`  ${commit} ${await subjectOf(commit)}`);
    request.annotate([annotateCulprit(cell, `${found} ${open.join(", ")}`)]);
  }
  return EXIT.failure;
}

/** All of the machine and its software that times depend on, as far as it is known; dependencies are a revision's own. */
async function describeMachine({ cell, signal }: BisectRequest): Promise<Readonly<Record<string, unknown>>> {
  const { cpu, cores, node } = describeEnvironment();
  const { backend, host = isReference(backend) ? REFERENCE_HOST : undefined } = parsePlace(
    cellId(cell).backend,
  );
  if (host === undefined) return { cpu, cores, node };
  using hosts = await Hosts.open([parseHost(host)], { say: () => {}, signal, consent: undefined });
  return { cpu, cores, node, host: hosts.records[0]?.runtime };
}

/**
 * Takes a step as a whole: one that `--time` cuts short is not one to search by.
 * @throws TimeOver if there is no time for it
 */
async function withinBudget(
  { budget }: BisectRequest,
  store: StepStore,
  take: () => Promise<BisectStep>,
): Promise<BisectStep> {
  const isOver = () => budget.isOver || budget.omitted.length > 0;
  const error = () =>
    new TimeOver(
      `the bisection did not end within --time; it has kept ${plural(store.count, "step")}, and the same command goes on from there: allow more time`,
    );
  if (isOver()) throw error();
  try {
    const step = await take();
    if (budget.omitted.length === 0) return step;
  } catch (cause) {
    if (!isOver()) throw cause;
  }
  throw error();
}

/** The first-parent history. @throws UsageError if it is none */
async function readRange(range: string): Promise<{ good: string; commits: string[] }> {
  const [, from = "", to = ""] = /^(.+?)\.\.([^.].*)?$/.exec(range) ?? [];
  if (!from) {
    throw new UsageError(`--bisect takes two revisions as good..bad, got ${JSON.stringify(range)}`);
  }
  const [good, bad] = await Promise.all([needCommit(from), needCommit(to || "HEAD")]);
  const isAncestor = await git("merge-base", "--is-ancestor", good, bad).then(
    () => true,
    () => false,
  );
  const listed = isAncestor ? await git("rev-list", "--first-parent", "--reverse", `${good}..${bad}`) : "";
  const commits = listed.split("\n").filter(Boolean);
  if (commits.length > 0) return { good, commits };
  throw new UsageError(
    `--bisect takes good..bad where bad follows good, got ${range}: ${good === bad ? "both are one commit" : `${short(good)} is no ancestor of ${short(bad)}`}`,
  );
}

async function needCommit(revision: string): Promise<string> {
  const commit = await resolveCommit(revision);
  if (commit) return commit;
  throw new UsageError(
    `--bisect takes git revisions, got ${JSON.stringify(revision)}, which this repository does not have; a shallow clone has to be deepened (git fetch --unshallow)`,
  );
}

interface StepPlan {
  readonly good: string;
  readonly commit: string;
  readonly attempt: number;
  /** The latest step that compared the whole range, once there is one. */
  readonly range: BisectStep | undefined;
}

type TakeStep = (request: BisectRequest, plan: StepPlan) => Promise<BisectStep>;

/** Compares one commit with the good one. @throws what ended the gate, if that is not the commit's own fault */
async function takeStep(request: BisectRequest, plan: StepPlan): Promise<BisectStep> {
  const { good, commit, attempt, range } = plan;
  const base = { commit, attempt };
  const baseline = await prepareCheckout(`good ${short(good)}`, good, request);
  try {
    const candidate = await prepareCheckout(short(commit), commit, request);
    const gate: GateRequest = {
      ...request,
      baseline: good,
      selection: { flags: ["--cell", request.cell], named: [cellId(request.cell).backend], isDefault: false },
      limits: stepLimits(request.limits, range),
      blockFactor: 2 ** attempt,
      ...(range?.subject ? { only: `${range.subject}s` as const } : {}),
    };
    const asked = await candidateCells(candidate, gate);
    const gated = await gateCheckouts(gate, Baseline.of(baseline), candidate, asked);
    checkCommit(gated.baseline, baseline, good);
    checkCommit(gated.candidate, candidate, commit);
    return { ...base, ...conclude(gated.comparison, range?.subject) };
  } catch (error) {
    // Without a comparison of the whole range there is nothing to search.
    if (request.signal.aborted || range?.verdict !== "slower") throw error;
    if (!(error instanceof UsageError || error instanceof IncomparableError)) throw error;
    if (error instanceof CheckoutError && error.checkout === baseline) throw error;
    return { ...base, verdict: "broken", reason: messageOf(error) };
  }
}

/**
 * Limits of a step. Once the slowdown over the whole range is known, half of it decides; smaller differences are not what
 * is sought. If that step was inconclusive, the repeated one looks for the least slowdown that the first left open, since
 * a busy machine hides small differences only.
 */
export function stepLimits(limits: Limits, range: BisectStep | undefined): Limits {
  if (!range || range.subject === "error") return limits;
  const { verdict, slowdown = 0, interval: [least] = [0] } = range;
  return { ...limits, maxSlowdown: Math.max(limits.maxSlowdown, verdict === "slower" ? slowdown : least) };
}

/** The outcome of a gate of one cell. @param subject what is sought; undefined for the first gate, which finds that out */
function conclude(
  { cells: [cell], notCompared: [missing] }: Comparison,
  subject: BisectStep["subject"],
): Omit<BisectStep, "commit" | "attempt"> {
  if (!cell) return { verdict: "broken", reason: missing?.reason ?? "the cell was not measured" };
  const own =
    subject ??
    (cell.time?.verdict !== "regression" && cell.error?.verdict === "regression" ? "error" : "time");
  const part = cell[own];
  if (!part) return { verdict: "broken", reason: `no ${own} was measured` };
  const verdict = toStepVerdict(part.verdict);
  const found = verdict === "slower" || subject !== undefined ? { subject: own } : {};
  return { verdict, ...found, ...sizeOf(cell, own), reason: part.reason };
}

const toStepVerdict = (verdict: CellComparison["verdict"]): StepVerdict =>
  verdict === "regression" ? "slower" : verdict === "inconclusive" ? "inconclusive" : "equal";

function sizeOf(
  { time, error }: CellComparison,
  subject: "time" | "error",
): Pick<BisectStep, "slowdown" | "interval"> {
  if (subject === "time" && time) return { slowdown: time.slowdown, interval: [...time.interval] };
  const [from, to] = [error?.baseline ?? 0, error?.candidate ?? 0];
  return from > 0 && Number.isFinite(to) ? { slowdown: to / from - 1 } : {};
}

const describeStep = (step: BisectStep): string =>
  step.verdict === "broken" ? `skipped: ${step.reason}` : `${WORDS[step.verdict]}, ${describeSize(step)}`;

const WORDS = { slower: "worse", equal: "as good", inconclusive: "inconclusive" } as const;

function describeSize(step: BisectStep | undefined): string {
  if (step?.slowdown === undefined) return step?.reason ?? "by an unknown amount";
  const interval = step.interval ? ` [${step.interval.map(percent).join(", ")}]` : "";
  return `${step.subject ?? "time"} ${percent(step.slowdown)}${interval}`;
}

const subjectOf = (commit: string): Promise<string> => git("log", "-1", "--format=%s", commit);

const short = (commit: string): string => commit.slice(0, 10);

const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 8);
