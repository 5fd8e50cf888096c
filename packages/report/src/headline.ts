import { parsePlace, type RunRecord } from "@softmax-bench/core";
import type { Constraints } from "./constraints.js";
import { bareBackend, type RankedCell } from "./ranking.js";
import type { Question, RecommendedGradient } from "./recommend.js";
import { describeUnusable, soFar, usableWords } from "./verdict.js";

/** The answer of a run, above all details. */
export interface Headline {
  /** The fastest backend, its share of the workloads and dtypes, and the exceptions. */
  readonly sentence: string;
  /** The method that is the fastest of that backend, or tied with it, wherever the backend wins; undefined if none is. */
  readonly method: string | undefined;
  /** The number of workloads and dtypes on which the fastest is tied with another backend; undefined if there are none. */
  readonly ties: string | undefined;
}

type Win = RecommendedGradient & { readonly best: RankedCell };

/** @returns undefined if there was nothing to recommend */
export function headline(
  all: readonly RecommendedGradient[],
  constraints: Constraints,
  run: Pick<RunRecord, "status">,
): Headline | undefined {
  if (all.length === 0) return undefined;
  const won = all.filter((one): one is Win => one.best !== undefined);
  const openQuestions = all.filter(({ best }) => best === undefined);
  const [leader, ...others] = groupByBackend(won);
  if (!leader)
    return {
      sentence: `${describeAbsence(all, constraints)}${soFar(run)}.`,
      method: undefined,
      ties: undefined,
    };
  const what = `the fastest${constraints.phase === "roundtrip" ? " round trip" : ""}${soFar(run)}`;
  const parts = [
    `${leader.name} is ${what}${usableWords(constraints)} within the error bound on ${describeShare(leader.won, all)}`,
    ...others.map((group) => `${group.name} on ${describeFew(group.won, all)}`),
    ...(openQuestions.length ? [`no winner on ${describeFew(openQuestions, all)}`] : []),
  ];
  return {
    sentence: `${parts.join("; ")}.`,
    method: describeMethod(leader, run),
    ties: describeTies(won, all),
  };
}

/** A backend, and where it wins. */
interface Group {
  /** The backend, and its host if all of its wins are on one. */
  readonly name: string;
  readonly won: readonly Win[];
}

/** Groups wins by backend, whatever the host; most wins first. */
function groupByBackend(won: readonly Win[]): Group[] {
  const groups = new Map<string, Win[]>();
  for (const one of won) {
    const backend = bareBackend(one.best);
    groups.set(backend, [...(groups.get(backend) ?? []), one]);
  }
  return [...groups]
    .map(([backend, own]) => ({ name: `${backend}${describeHosts(own)}`, won: own }))
    .sort((a, b) => b.won.length - a.won.length);
}

/** ` in chromium`, ` (in chromium on 3, in node@24 on 1)`, or nothing for the Node that started the run. */
function describeHosts(won: readonly Win[]): string {
  const counts = new Map<string | undefined, number>();
  for (const { best } of won) {
    const { host } = parsePlace(best.backend);
    counts.set(host, (counts.get(host) ?? 0) + 1);
  }
  const hosts = [...counts].sort(([, a], [, b]) => b - a);
  const [first] = hosts;
  if (hosts.length === 1) return first?.[0] === undefined ? "" : ` in ${first[0]}`;
  return ` (${hosts.map(([host = "node", count]) => `in ${host} on ${count}`).join(", ")})`;
}

const nameQuestion = ({ workload, dtype }: Question): string => `${workload} ${dtype}`;

/** `all 8 workloads and dtypes`, `7 of 8 workloads`, `vocab float32`. */
function describeShare(own: readonly Question[], all: readonly Question[]): string {
  const [only] = all;
  if (only && all.length === 1) return nameQuestion(only);
  const share = own.length === all.length ? `all ${all.length}` : `${own.length} of ${all.length}`;
  return `${share} ${pluralUnit(all)}`;
}

/** Workloads are counted where each has one dtype. */
const pluralUnit = (all: readonly Question[]): string =>
  new Set(all.map(({ dtype }) => dtype)).size === 1 ? "workloads" : "workloads and dtypes";

/** Up to two by name, more by number. */
const describeFew = (own: readonly Question[], all: readonly Question[]): string =>
  own.length <= 2 ? own.map(nameQuestion).join(" and ") : `${own.length} of ${all.length}`;

function describeTies(won: readonly Win[], all: readonly Question[]): string | undefined {
  const rivals = won.map(({ best, tied }) =>
    tied.map(bareBackend).filter((backend) => backend !== bareBackend(best)),
  );
  const disputed = rivals.filter(({ length }) => length > 0);
  if (disputed.length === 0) return undefined;
  const names = new Set(disputed.flat());
  const [name] = names;
  const others = names.size === 1 ? name : "other backends";
  if (all.length === 1) return `It is tied with ${others}.`;
  const between = new Set([...names, ...won.map(({ best }) => bareBackend(best))]);
  const whom = between.size === 2 ? [...between].toSorted().join(" and ") : "the fastest and another backend";
  return `On ${disputed.length} of ${all.length}, ${whom} are tied.`;
}

function describeMethod({ won }: Group, run: Pick<RunRecord, "status">): string | undefined {
  const wins = won.map(({ best, tied }) =>
    [best, ...tied].filter((cell) => bareBackend(cell) === bareBackend(best)).map(({ method }) => method),
  );
  const common = (wins[0] ?? []).filter((method) => wins.every((methods) => methods.includes(method)));
  const times = (method: string) => won.filter(({ best }) => best.method === method).length;
  const [method] = common.toSorted((a, b) => times(b) - times(a) || a.localeCompare(b));
  if (method === undefined) return undefined;
  const backend = bareBackend((won[0] as Win).best);
  if (won.length === 1) return `For ${backend}, the method is ${method}.`;
  const rank = `the fastest method${soFar(run)}${times(method) === won.length ? "" : ", or tied with it,"}`;
  return `For ${backend}, ${method} is ${rank} every time.`;
}

/** The reason for having no winner anywhere. */
function describeAbsence(all: readonly RecommendedGradient[], constraints: Constraints): string {
  const [only] = all;
  const on = ` on ${only && all.length === 1 ? nameQuestion(only) : `any of ${all.length} ${pluralUnit(all)}`}`;
  const [measured = "nothing", ...others] = new Set(all.map((one) => one.measured));
  const unusable = others.length === 0 ? describeUnusable(measured, constraints, on) : undefined;
  if (unusable) return `${unusable.charAt(0).toUpperCase()}${unusable.slice(1)}`;
  const start = `No winner${usableWords(constraints)}${on}: no gradient`;
  return all.some(({ unsettled }) => unsettled)
    ? `${start} within the error bound has settled times`
    : `${start} is within the error bound`;
}
