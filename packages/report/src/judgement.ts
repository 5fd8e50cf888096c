import {
  type EntryGroup,
  type FormatId,
  type GradientJudgement,
  type GroupErrors,
  type LossOptions,
  plural,
} from "@softmax-bench/core";
import type { Block } from "./block.js";
import { formatCount, formatError, formatPercent } from "./format.js";

/** The largest error of an entry over its a-priori bound, for one formula. */
export interface BoundRatio {
  readonly method: string;
  readonly formula: string;
  readonly ratio: number;
}

/** A gradient that another program computed, judged by the oracle. */
export interface GradientVerdict {
  readonly rows: number;
  readonly classes: number;
  /** The gradient's, whose ULP are the unit. */
  readonly dtype: FormatId;
  readonly options: LossOptions;
  /** Largest error that is within the limit. */
  readonly maxUlp: number;
  readonly gradient: GradientJudgement;
  readonly boundRatios: readonly BoundRatio[];
  /** Absent if no loss was given. */
  readonly loss: (GroupErrors & { readonly dtype: FormatId }) | undefined;
}

/** True if every entry of the gradient is within the limit, and the loss, if it was given. */
export const isWithinLimit = ({ gradient, loss }: GradientVerdict): boolean =>
  [...gradient.groups, ...(loss ? [loss] : [])].every(({ outside }) => outside === 0);

/** Shows the errors by kind of entry and probability of the target, in words, and the verdict. */
export function judgementBlocks(verdict: GradientVerdict): Block[] {
  return [
    ...introduction(verdict).map((text): Block => ({ kind: "paragraph", text })),
    groupTable(verdict),
    { kind: "list", items: [...findings(verdict), ...farthest(verdict)] },
    ...conclusion(verdict).map((text): Block => ({ kind: "paragraph", text, emphasis: true })),
  ];
}

const introduction = ({ rows, classes, dtype, options }: GradientVerdict): string[] => [
  `Gradient of softmax cross-entropy in ${dtype}: ${plural(rows, "row")}, ${plural(classes, "class", "classes")}.`,
  `The loss: ${describe(options)}.`,
  `Each entry is compared with the exact gradient of these logits, rounded to ${dtype}; 1 ULP is one`,
  `step from a ${dtype} to the next. p is the softmax probability of the row's ${targetWord(options)}.`,
];

const describe = ({ reduction, targets, weighted, labelSmoothing, ignoreIndex }: LossOptions): string =>
  [
    reduction,
    targets,
    ...(weighted ? ["weighted"] : []),
    ...(labelSmoothing > 0 ? [`smoothed by ${labelSmoothing}`] : []),
    ...(ignoreIndex === undefined ? [] : [`label ${ignoreIndex} ignored`]),
  ].join(", ");

const targetWord = ({ targets }: LossOptions): string => (targets === "labels" ? "label" : "largest target");

/** A number of entries with all its digits: `10,240,000`. */
const inFull = (count: number): string => count.toLocaleString("en-US");

const KINDS = { target: "target entries", tail: "tail entries", ignored: "ignored rows" } as const;

const range = ({ kind, from, to }: EntryGroup): string => {
  if (kind === "ignored") return "";
  return from === 0 ? `below ${to}` : `${from} – ${to}`;
};

function groupTable({ gradient, loss }: GradientVerdict): Block {
  const numbers = ({ count, outside, maxUlp, p99Ulp, medianUlp, maxRelError }: GroupErrors) => [
    ...[count, outside].map(inFull),
    ...[maxUlp, p99Ulp, medianUlp].map(formatCount),
    formatError(maxRelError),
    outside === 0 ? "ok" : "FAILS",
  ];
  return {
    kind: "table",
    header: ["entries", "p", "number", "outside", "max ULP", "p99 ULP", "median", "rel. error", ""],
    numeric: [2, 3, 4, 5, 6, 7],
    rows: [
      ...gradient.groups.map((group) => [group.kind, range(group), ...numbers(group)]),
      ...(loss ? [["loss", loss.dtype, ...numbers(loss)]] : []),
    ],
  };
}

/** The measurements besides the groups of entries, a line each. */
function findings({ gradient, boundRatios, rows }: GradientVerdict): string[] {
  const { groups, special, rowSum, factor } = gradient;
  const total = groups.reduce((sum, { count }) => sum + count, 0);
  const share = (count: number) => (count === 0 ? "0" : `${inFull(count)} (${formatPercent(count / total)})`);
  return [
    `Σ of a row, exactly 0: at most ${formatError(rowSum.residual)} (row ${rowSum.row}), ${formatError(rowSum.relative)} of the sum of its magnitudes.`,
    `Entries that underflowed to 0: ${share(special.underflowed)}; subnormal: ${share(special.subnormal)}.`,
    `Entries that are 0 where the exact one is a normal number: ${share(special.vanished)}.`,
    `Entries that are NaN or infinite: ${share(special.nonFinite)}.`,
    "Largest error over its a-priori bound; above 1, rounding along the formula does not explain it:",
    ...boundRatios.map(
      ({ method, formula, ratio }) => `– ${formula} (${method}): ${formatBoundRatio(ratio)}`,
    ),
    ...(factor === undefined ? [] : [describeFactor(factor, rows)]),
  ];
}

/** A factor that all entries share, and the mistake that it tells of. */
function describeFactor(factor: number, rows: number): string {
  const near = (value: number) => Math.abs(factor / value - 1) < 0.03;
  const start = `All entries are ${Number(factor.toPrecision(3))} times the exact ones`;
  if (near(rows)) return `${start}, the number of rows: is --reduction sum meant?`;
  if (near(1 / rows)) return `${start}, 1 / rows: is --reduction mean meant?`;
  return near(-1) ? `${start}: is it target − softmax?` : `${start}.`;
}

const formatBoundRatio = (ratio: number): string =>
  ratio >= 0.01 && ratio < 1000 ? ratio.toFixed(2) : formatError(ratio);

/** The entry that is farthest off, if one is off at all. */
function farthest({ gradient: { groups }, classes, dtype }: GradientVerdict): string[] {
  const [group] = groups.toSorted((a, b) => b.maxUlp - a.maxUlp);
  if (!group || group.maxUlp === 0) return [];
  const { index, computed, exact, ulp } = group.worst;
  const place = `[${Math.floor(index / classes)}, ${index % classes}]`;
  return [
    `Farthest off: ${place}, of the ${KINDS[group.kind]}, by ${formatCount(ulp)} ULP of ${dtype}:`,
    `– got ${computed}, exact is ${exact}`,
  ];
}

/** The verdict: what is within the limit, and what fails. */
function conclusion({ gradient: { groups }, loss, maxUlp }: GradientVerdict): string[] {
  const sum = (key: "count" | "outside", of: readonly GroupErrors[]) =>
    of.reduce((total, group) => total + group[key], 0);
  const count = sum("count", groups);
  const failing = (["target", "tail", "ignored"] as const).flatMap((kind) => {
    const outside = sum(
      "outside",
      groups.filter((group) => group.kind === kind),
    );
    return outside > 0 ? [`${kind} (${inFull(outside)})`] : [];
  });
  if (loss && loss.outside > 0) failing.push(`loss (${formatCount(loss.maxUlp)} ULP)`);
  const within = `Within ${maxUlp} ULP: ${inFull(count - sum("outside", groups))} of ${inFull(count)} entries`;
  return failing.length > 0 ? [`${within}.`, `FAILS: ${failing.join(", ")}.`] : [`${within}: ok.`];
}
