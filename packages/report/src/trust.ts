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
  const kinds = enumerate(
    KINDS.map(([, kind]) => kind),
    "or",
  );
  if (!precision) {
    return `Trust beyond these inputs was not measured: pnpm precision measures errors for ${kinds} logits.`;
  }
  if (!best) return `The sweeps of this run show errors for ${kinds} logits.`;
  const { backend, method, dtype } = best;
  const name = `${backend} ${method} in ${dtype}`;
  const own = precision.reaches.filter(
    (reach) => reach.backend === backend && reach.method === method && reach.dtype === dtype,
  );
  const byKind = KINDS.map(([sweep, kind]) => ({ kind, reach: own.find((one) => one.sweep === sweep) }));
  const unmeasured = byKind.filter(({ reach }) => !reach).map(({ kind }) => kind);
  if (unmeasured.length === KINDS.length) {
    return `Trust in ${name} for ${kinds} logits was not measured: the sweeps of this run do not include it; pnpm precision measures it.`;
  }
  const holding = byKind.filter(({ reach }) => reach && !describeEnd(reach, precision));
  const ending = byKind.flatMap(({ kind, reach }) => {
    const end = reach && describeEnd(reach, precision);
    return end ? [`for ${kind} logits it ${end}`] : [];
  });
  const bound = `99 of 100 entries within ${precision.ulpLimit} ULP`;
  const parts = [
    ...(holding.length
      ? [
          `${name} holds for ${enumerate(
            holding.map(({ kind }) => kind),
            "and",
          )} logits (${bound})`,
        ]
      : [`${name} holds for none of these (${bound})`]),
    ...ending,
    ...(unmeasured.length ? [`${enumerate(unmeasured, "and")} logits were not measured`] : []),
  ];
  return `${parts.join("; ")}.`;
}

/** Where a gradient stops being accurate; undefined if it never does. */
function describeEnd(
  { axis, leavesAt, nonFiniteAt }: Reach,
  { ulpLimit }: PrecisionView,
): string | undefined {
  const parts = [
    ...(leavesAt === undefined ? [] : [`leaves ${ulpLimit} ULP at ${axis} ${formatX(leavesAt)}`]),
    ...(nonFiniteAt === undefined ? [] : [`turns non-finite at ${axis} ${formatX(nonFiniteAt)}`]),
  ];
  return parts.length ? parts.join(" and ") : undefined;
}

/** `a, b and c`. */
const enumerate = (names: readonly string[], conjunction: "and" | "or"): string =>
  [names.slice(0, -1).join(", "), names.at(-1)].filter(Boolean).join(` ${conjunction} `);
