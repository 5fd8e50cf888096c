import { commandLine, countObservations, plural } from "@softmax-bench/core";
import { formatPercent } from "./format.js";
import { formatX, type PrecisionView, type Reach } from "./precision.js";
import type { RankedCell } from "./ranking.js";

/** The kinds of logits that readers have, and the sweep that covers each. */
const KINDS = [
  ["confidence", "confident"],
  ["masked", "masked"],
  ["scale", "large"],
] as const;

/** Describes how far the error of a winner holds beyond the inputs on which it was timed. @param best the winner, if there is one */
export function describeTrust(precision: PrecisionView | undefined, best: RankedCell | undefined): string {
  const command = commandLine("study precision");
  const reaches = precision?.reaches ?? [];
  const all = splitByMeasured(reaches);
  if (!precision || all.measured.length === 0) {
    return `Trust beyond these inputs was not measured: ${command} measures errors for ${enumerate(all.unmeasured, "or")} logits.`;
  }
  if (!best) {
    const shown = all.measured.map(({ kind }) => kind);
    return toSentence([
      `The sweeps of this run show errors for ${enumerate(shown, "and")} logits`,
      ...describeUnmeasured(all.unmeasured),
    ]);
  }
  const { backend, method, dtype } = best;
  const name = `${backend} ${method} in ${dtype}`;
  const { measured, unmeasured } = splitByMeasured(
    reaches.filter((reach) => reach.backend === backend && reach.method === method && reach.dtype === dtype),
  );
  if (measured.length === 0) {
    return `Trust in ${name} for ${enumerate(unmeasured, "or")} logits was not measured: the sweeps of this run do not include it; ${command} measures it.`;
  }
  const holding = measured.flatMap(({ kind, reach }) =>
    describeEnd(reach, precision) ? [] : [`${kind} (${reach.axis} up to ${formatX(reach.upTo)})`],
  );
  const ending = measured.flatMap(({ kind, reach }) => {
    const end = describeEnd(reach, precision);
    return end ? [`for ${kind} logits it ${end}`] : [];
  });
  const bound = `99 of 100 entries within ${precision.ulpLimit} ULP`;
  return toSentence([
    holding.length
      ? `${name} holds for ${enumerate(holding, "and")} logits: ${bound}`
      : `${name} holds for none of these (${bound})`,
    ...ending,
    ...describeUnmeasured(unmeasured),
  ]);
}

/** Describes the resolution of a winner's time, which is that of comparisons within one run. */
export function describeTimeTrust({ timing, resolution }: RankedCell, isBusy: boolean): string {
  const observations = countObservations(timing);
  const over =
    timing.scope === "processes"
      ? plural(observations, "process", "processes")
      : `${plural(observations, "sample")} of one process`;
  const where = isBusy ? ", on a busy machine" : "";
  return `In comparisons within this run, its time is resolved to ± ${formatPercent(resolution)} over ${over}${where}; another run may differ by more.`;
}

const toSentence = (parts: readonly string[]): string => `${parts.join("; ")}.`;

const describeUnmeasured = (kinds: readonly string[]): string[] =>
  kinds.length ? [`${enumerate(kinds, "and")} logits were not measured`] : [];

/** The kinds of logits that have a sweep, each with one of its reaches, and those that have none. */
function splitByMeasured(reaches: readonly Reach[]) {
  const byKind = KINDS.map(([sweep, kind]) => ({ kind, reach: reaches.find((one) => one.sweep === sweep) }));
  return {
    measured: byKind.flatMap(({ kind, reach }) => (reach ? [{ kind, reach }] : [])),
    unmeasured: byKind.flatMap(({ kind, reach }) => (reach ? [] : [kind])),
  };
}

/** The point from which a gradient is no longer accurate; undefined if it always is. */
function describeEnd(
  { axis, leavesAt, nonFiniteAt }: Reach,
  { ulpLimit }: PrecisionView,
): string | undefined {
  const parts = [
    // What is not finite there has no error to speak of.
    ...(leavesAt === undefined || leavesAt === nonFiniteAt
      ? []
      : [`leaves ${ulpLimit} ULP at ${axis} ${formatX(leavesAt)}`]),
    ...(nonFiniteAt === undefined ? [] : [`turns non-finite at ${axis} ${formatX(nonFiniteAt)}`]),
  ];
  return parts.length ? parts.join(" and ") : undefined;
}

/** `a, b and c`. */
const enumerate = (names: readonly string[], conjunction: "and" | "or"): string =>
  [names.slice(0, -1).join(", "), names.at(-1)].filter(Boolean).join(` ${conjunction} `);
