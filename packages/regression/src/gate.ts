import { type Cell, cellKey, DTYPE_IDS, namePlaces, plural, type Results } from "@softmax-bench/core";
import { quantile } from "@softmax-bench/stats";
import type { Block, Role } from "./blocks.js";
import { combineVerdicts, type Names, toNotCompared, toSides } from "./compare.js";
import type { CellComparison, Comparison, NotCompared } from "./comparison.js";
import { type ComparedCell, cellsAndCurves, compareGradients } from "./curves.js";
import { findCauses, findDifferences } from "./fingerprint.js";
import type { Limits } from "./limits.js";
import { mergedSide } from "./merged-side.js";
import { decide, isRouted, notDecided, notRouted } from "./procedure.js";
import { collectDigests, groupCells, isTimed, type ProcessRun } from "./process-run.js";
import type { TimeComparison } from "./time.js";

const STAGES: Readonly<Record<ProcessRun["stage"], string>> = {
  route: "the first look",
  decide: "the second look",
  digests: "the comparison of digests",
  errors: "the comparison with the oracle",
};

/** The blocks of a cell in a stage: those in which every process of the block measured the cell. */
function collectBlocks(passes: readonly ProcessRun[], stage: ProcessRun["stage"], key: string): Block[] {
  const ofStage = passes.filter((pass) => pass.stage === stage);
  const numbers = [...new Set(ofStage.map(({ block }) => block))];
  return numbers.flatMap((number) => {
    const own = ofStage.filter(({ block }) => block === number);
    const pair = (role: Role) =>
      own.filter((pass) => pass.role === role).flatMap(({ results }) => lowerDeciles(results, key));
    const [baseline, candidate, control] = [pair("baseline"), pair("candidate"), pair("control")];
    const wanted = own.some(({ role }) => role === "control")
      ? [baseline, candidate, control]
      : [baseline, candidate];
    if (wanted.some(({ length }) => length !== 2)) return [];
    const both = ([first, second]: number[]) => [first as number, second as number] as const;
    return [
      {
        baseline: both(baseline),
        candidate: both(candidate),
        ...(control.length ? { control: both(control) } : {}),
      },
    ];
  });
}

const lowerDeciles = ({ cells }: Results, key: string): number[] =>
  cells.filter((cell) => cellKey(cell) === key).flatMap(lowerDecile);

/** The quantile of a process's samples that serves as its time. */
const UNDISTURBED = 0.1;

/**
 * The time of a cell in one process, in ns: the lower decile of its samples. A virtual machine's neighbours slow it
 * down by a third for tens of milliseconds at a time. This moves a median from process to process, but hardly a decile.
 * Empty without samples.
 */
export function lowerDecile({ timing }: Pick<Cell, "timing">): number[] {
  const { samples = [] } = timing?.gradient ?? {};
  return samples.length ? [quantile(samples, UNDISTURBED)] : [];
}

/** Keys of the cells that both sides have been able to measure. */
export function measurable(passes: readonly ProcessRun[]): string[] {
  const measured = (role: Role) =>
    new Set(
      passes
        .filter((pass) => pass.role === role)
        .flatMap(({ results }) =>
          cellsAndCurves(results)
            .filter(({ status }) => status === "ok")
            .map(cellKey),
        ),
    );
  const [baseline, candidate] = [measured("baseline"), measured("candidate")];
  return [...candidate].filter((key) => baseline.has(key));
}

/** Keys of the cells that the first stage routes to the second. */
export const routedKeys = (passes: readonly ProcessRun[], limits: Limits): string[] =>
  measurable(passes).filter((key) => {
    const blocks = collectBlocks(passes, "route", key);
    return blocks.length > 0 && isRouted(blocks, limits);
  });

/** Keys of the cells whose gradient is not the same in all processes of both sides. */
export function differing(passes: readonly ProcessRun[]): string[] {
  const [baseline, candidate] = [groupCells(passes, "baseline"), groupCells(passes, "candidate")];
  return measurable(passes).filter((key) => {
    const both = [...collectDigests(baseline.get(key)), ...collectDigests(candidate.get(key))];
    return new Set(both).size > 1;
  });
}

/** Keys of the cells in which processes of one side disagree. */
export function nondeterministic(passes: readonly ProcessRun[]): string[] {
  const sides = [groupCells(passes, "baseline"), groupCells(passes, "candidate")];
  return measurable(passes).filter((key) => sides.some((side) => collectDigests(side.get(key)).size > 1));
}

/** A pass with its cells by key. */
interface IndexedPass extends ProcessRun {
  readonly cells: ReadonlyMap<string, ComparedCell>;
}

const indexed = (pass: ProcessRun): IndexedPass => ({
  ...pass,
  cells: new Map(cellsAndCurves(pass.results).map((cell) => [cellKey(cell), cell])),
});

/** The reason why a pass lacks the result of its stage for a cell; undefined if it has it. */
function explainMissing({ stage, cells }: IndexedPass, key: string): string | undefined {
  const cell = cells.get(key);
  if (!cell) return `not in the results of ${STAGES[stage]}`;
  if (cell.status !== "ok") return `${cell.status} in ${STAGES[stage]}: ${cell.reason}`;
  if (stage === "digests") {
    return cell.gradientDigest ? undefined : `without a digest in ${STAGES[stage]}`;
  }
  if (stage === "errors") return cell.accuracy ? undefined : `without errors in ${STAGES[stage]}`;
  return lowerDecile(cell).length ? undefined : `without times in ${STAGES[stage]}`;
}

/**
 * The reason why a cell counts as broken: one side measured it in some of its processes, but not in another. A cell
 * that the first stage measured must not be missing in the second.
 */
function brokenLater(passes: readonly IndexedPass[], key: string): string | undefined {
  for (const side of ["candidate", "baseline"] as const) {
    const own = passes.filter(
      ({ role, asked }) => (role === "candidate") === (side === "candidate") && asked.includes(key),
    );
    const lacks = own.flatMap((pass) => explainMissing(pass, key) ?? []);
    if (lacks.length > 0 && lacks.length < own.length) return `${side} ${lacks[0]}`;
  }
  return undefined;
}

/** Reports that one side did not have the same code in all of its processes. */
function changedSides(passes: readonly ProcessRun[], names: Names): string[] {
  return (["baseline", "candidate"] as const).flatMap((side) => {
    const own = passes.filter(({ role }) => (role === "candidate") === (side === "candidate"));
    const commits = [...new Set(own.map(({ results }) => results.run.commit ?? "unknown"))];
    return commits.length > 1
      ? [`${names[side]} changed while it was measured: commit ${commits.join(", then ")}.`]
      : [];
  });
}

/** Facts about a gate besides its measurements. */
interface Circumstances {
  /** The reason to doubt the machine, a sentence; undefined if it was quiet. */
  readonly busy?: string | undefined;
  /** Parts that there was no time for, each a sentence. */
  readonly omitted?: readonly string[];
}

/** Converts a gate's measurements to a verdict per cell. @param asked keys of all cells to compare */
export function gateComparison(
  passes: readonly ProcessRun[],
  asked: readonly string[],
  limits: Limits,
  names: Names,
  circumstances: Circumstances = {},
): Comparison {
  const { busy, omitted = [] } = circumstances;
  const baseline = namePlaces(mergedSide(passes, "baseline"));
  const candidate = namePlaces(mergedSide(passes, "candidate"));
  const [before, after] = [groupCells(passes, "baseline"), groupCells(passes, "candidate")];
  const merged = new Map(cellsAndCurves(candidate).map((cell) => [cellKey(cell), cell]));
  const mergedBefore = new Map(cellsAndCurves(baseline).map((cell) => [cellKey(cell), cell]));
  const times = compareTimes(passes, limits, circumstances);
  const timed = passes.some(isTimed);
  const { machine, software } = findDifferences(baseline, candidate);
  const known = passes.reduce((count, { isKnown, asked: keys }) => count + (isKnown ? keys.length : 0), 0);
  const byKey = passes.map(indexed);
  const cells: CellComparison[] = [];
  const notCompared: NotCompared[] = [];
  for (const key of new Set([...asked, ...merged.keys()])) {
    const [a, b] = [mergedBefore.get(key), merged.get(key)];
    const time = times.get(key);
    const id = b ?? a;
    const broken = brokenLater(byKey, key);
    if (broken !== undefined) {
      notCompared.push({ ...cellId(key), kind: "broken", reason: broken });
    } else if (!id) {
      notCompared.push({
        ...cellId(key),
        kind: "broken",
        reason: "it was asked for, and no process measured it",
      });
    } else if (a?.status !== "ok" || b?.status !== "ok") {
      notCompared.push(...toNotCompared(id, a, b));
    } else if (!time && timed) {
      notCompared.push({
        ...cellId(key),
        kind: "broken",
        reason: "no block has a time from all of its processes",
      });
    } else {
      const error = compareGradients(b.dtype, before.get(key) ?? [], after.get(key) ?? [], limits);
      cells.push(combineVerdicts(b, { time, error }, findCauses(baseline, candidate, b.backend)));
    }
  }
  return {
    ...toSides(baseline, candidate, limits, names),
    judges: true,
    inTurns: true,
    ...(timed ? {} : ({ only: "errors" } as const)),
    warnings: [...changedSides(passes, names), ...(busy ? [busy] : [])],
    notes: [
      timed
        ? "Both were measured here, in turns, in fresh processes."
        : `${computedNote(known)} No times were taken. Gradients that are the same, bit for bit, are not compared with their bounds again.`,
      ...omitted,
      ...[...machine, ...software].map((change) => `What else differs: ${change}.`),
    ],
    cells,
    notCompared,
  };
}

/** @param known number of the baseline's cells that were not computed */
const computedNote = (known: number): string =>
  known === 0
    ? "Both were computed here, in fresh processes."
    : `The candidate was computed here, in fresh processes; of the baseline, what differs from it or was not known yet. In ${plural(known, "cell")} it is what an earlier gate found of the baseline, with the same machine and software.`;

/** Verdicts on time: from the second stage for routed cells, from the first for the others. */
function compareTimes(
  passes: readonly ProcessRun[],
  limits: Limits,
  { busy, omitted = [] }: Circumstances,
): Map<string, TimeComparison> {
  const routed = new Set(routedKeys(passes, limits));
  const isOmitted = omitted.length > 0 && passes.every(({ stage }) => stage !== "decide");
  const first = measurable(passes).map((key) => [key, collectBlocks(passes, "route", key)] as const);
  const second = [...routed].map((key) => [key, collectBlocks(passes, "decide", key)] as const);
  const decidable = second.filter(([, blocks]) => blocks.length > 0);
  const decided = decide(
    decidable.map(([, blocks]) => blocks),
    limits,
    busy,
  );
  return new Map([
    ...first
      .filter(([key, blocks]) => blocks.length > 0 && (isOmitted || !routed.has(key)))
      .map(([key, blocks]) => [key, (routed.has(key) ? notDecided : notRouted)(blocks, limits)] as const),
    ...decidable.map(([key], index) => [key, decided[index] as TimeComparison] as const),
  ]);
}

/** The parts of a cell's key. */
export const cellId = (key: string) => {
  const [backend = "", method = "", dtype, workload = ""] = key.split(" ");
  const known = DTYPE_IDS.find((id) => id === dtype) ?? "float32";
  return { backend, method, dtype: known, workload } as const;
};
