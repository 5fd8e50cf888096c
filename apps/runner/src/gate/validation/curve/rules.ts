import { FEWEST_TO_SPLIT, findChangePoints, median, rankSumTest, welchTest } from "@softmax-bench/stats";
import type { Measure } from "./design.js";
import type { CurveCell } from "./journal.js";

/** A rule by which a tool would have called the candidate of a cell slower. */
export interface Rule {
  readonly name: string;
  readonly measures: readonly Measure[];
  /** Undefined for a cell of which there are too few measurements for the rule to say anything. */
  isSlower(cell: CurveCell): boolean | undefined;
}

const ALPHA = 0.05;

/** The first process of a side: what one run of that revision would have. */
const firstOf = ({ processes }: CurveCell, wanted: "baseline" | "candidate") =>
  processes.find(({ side }) => side === wanted);

const samplesOf = (cell: CurveCell, wanted: "baseline" | "candidate"): readonly number[] =>
  firstOf(cell, wanted)?.samples ?? [];

/** The median of a process's samples, or what it has instead. */
const middleOf = (process: CurveCell["processes"][number] | undefined): number =>
  process?.samples ? median(process.samples) : (process?.value ?? Number.NaN);

/** More than a limit in one run of each revision. */
const threshold = (limit: number, measure: Measure): Rule => ({
  name: `one run each, above ${100 * limit} %`,
  measures: [measure],
  isSlower: (cell) => middleOf(firstOf(cell, "candidate")) / middleOf(firstOf(cell, "baseline")) > 1 + limit,
});

/** A test of one run's samples against another's: one-sided, each cell by itself, however small the difference. */
const test = (
  name: string,
  pValue: (before: readonly number[], after: readonly number[]) => number,
): Rule => ({
  name,
  measures: ["time"],
  isSlower: (cell) => pValue(samplesOf(cell, "baseline"), samplesOf(cell, "candidate")) < ALPHA,
});

/** Values by which a change may be found too early or too late. */
const NEAR = 2;

/** A change point where the candidate begins, to a higher level, in the series of all processes: first the baseline's, then the candidate's. */
const changePoint: Rule = {
  name: "change point of all processes",
  measures: ["time"],
  isSlower({ processes }) {
    const timesOf = (wanted: "baseline" | "candidate") =>
      processes.filter(({ side }) => side === wanted).map(({ value }) => value);
    const [before, after] = [timesOf("baseline"), timesOf("candidate")];
    if (before.length + after.length < FEWEST_TO_SPLIT) return undefined;
    const changes = findChangePoints([...before, ...after]);
    return changes.some((at) => Math.abs(at - before.length) <= NEAR) && median(after) > median(before);
  },
};

export const RULES: readonly Rule[] = [
  ...[threshold(0.1, "time"), threshold(0.05, "time"), threshold(0.01, "instructions")],
  ...[test("t-test on samples", welchTest), test("Mann–Whitney on samples", rankSumTest)],
  changePoint,
];
