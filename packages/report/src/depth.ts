import {
  ASSUMED_RESOLUTION,
  type Depth,
  type NetworkRecord,
  plural,
  type Results,
} from "@softmax-bench/core";
import { areTied } from "@softmax-bench/stats";
import { type Absent, absentList } from "./absent.js";
import type { Block } from "./block.js";
import { formatCount, formatCoverage, formatError, formatPercent, formatRatio } from "./format.js";

/** The depth experiment's answer, from its gradients. */
export interface DepthView {
  readonly heading: string;
  /** The premises of all the following. */
  readonly premises: readonly string[];
  /** The answer to: does the difference grow with depth? */
  readonly answer: string;
  /** The findings of each backend. */
  readonly findings: readonly { readonly heading: string; readonly sentences: readonly string[] }[];
  readonly networks: readonly Measured[];
  /** Networks without a result. */
  readonly absent: readonly Absent[];
  /** Chart files next to the report. */
  readonly charts: readonly Chart[];
}

export interface Chart {
  readonly kind: "layers" | "training";
  readonly dtype: NetworkRecord["dtype"];
  readonly file: string;
  readonly text: string;
}

/** A network that was compared. */
type Measured = NetworkRecord & { readonly whole: NonNullable<NetworkRecord["whole"]> };

/** Relative difference of two losses above which their curves count as diverged. */
const PARTED = 0.01;

/** Minimum coverage of an interval for concluding growth: that of 5 seeds covers 93.7 %. */
const COVERAGE = 0.9;

const isMeasured = (network: NetworkRecord): network is Measured =>
  network.status === "ok" && network.whole !== undefined;

export function depthView({ depth }: Pick<Results, "depth">): DepthView | undefined {
  if (!depth || depth.networks.length === 0) return undefined;
  const { network, batch, seeds, methods, images, reference, networks } = depth;
  const measured = networks.filter(isMeasured);
  const groups = byPlace(measured);
  return {
    heading: `Gradients of ${network} as depth grows`,
    premises: [
      `${methods.manual} (by hand) and ${methods.autograd} (automatic) on top of ${network}, batch ${batch}, medians over ${seeds} ${seeds === 1 ? "seed" : "seeds"}. Distances and errors are relative, ‖a − b‖₂ / ‖b‖₂.`,
      images.note ? sentence(images.note) : `Images: ${images.source}.`,
      `Errors are against ${reference}; those of float64 gradients contain its own, which is as large.`,
      `Other order: the automatic gradient with examples, classes, channels, rows and columns in another order, against itself. Max ULP: largest distance of an entry, in ULP of that entry, which cancellation may leave near 0. Step ratio: time of a training step, automatic over by hand, the median of pairs in one process with the interval that covers it with at least 95 %; =: the interval contains 1, or there are too few pairs for one, or the ratio is within ${formatPercent(ASSUMED_RESOLUTION)}, by which another process may differ.`,
    ],
    answer: answerSentence(depth, groups),
    findings: groups.map((group) => ({
      heading: placeOf(group),
      sentences: [...sentencesOn(group, depth), ...group.flatMap(describeParting)],
    })),
    networks: groups.flat(),
    absent: networks
      .filter((one) => !isMeasured(one))
      .map(({ depth: layers, ...one }) => ({ ...one, method: `depth ${layers}` })),
    charts: listCharts(depth, measured),
  };
}

const sentence = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;

/** Networks of one backend and dtype, shallow ones first. */
type Group = readonly [Measured, ...Measured[]];

function byPlace(networks: readonly Measured[]): Group[] {
  const groups = new Map<string, Group>();
  for (const network of networks.toSorted((a, b) => a.depth - b.depth)) {
    const key = JSON.stringify([network.backend, network.dtype]);
    const known = groups.get(key);
    groups.set(key, known ? [...known, network] : [network]);
  }
  return [...groups.values()];
}

const placeOf = ([{ backend, dtype }]: Group): string => `${backend}, ${dtype}`;

const findTrend = ([{ backend, dtype }]: Group, { trends }: Depth, of: Depth["trends"][number]["of"]) =>
  trends.find((trend) => trend.backend === backend && trend.dtype === dtype && trend.of === of);

/** Depths at which manual and automatic differ by more than another order of sums changes the automatic one. */
const exceeding = (group: Group): readonly number[] =>
  group
    .filter(({ whole }) => whole.distance.relL2.median > whole.reordering.relL2.median)
    .map(({ depth }) => depth);

function answerSentence(depth: Depth, groups: readonly Group[]): string {
  const trends = groups.flatMap((group) => {
    const trend = findTrend(group, depth, "distance");
    return trend ? [{ place: placeOf(group), ...trend }] : [];
  });
  const sure = trends.filter(({ coverage }) => coverage >= COVERAGE);
  const grows = sure.filter(({ ci: [low] }) => low > 0);
  const above = groups.filter((group) => exceeding(group).length > 0);
  const growth =
    trends.length === 0
      ? groups.every((group) => group.length === 1)
        ? "one depth says nothing of growth"
        : "gradients that are the same do not drift apart"
      : sure.length === 0
        ? "so few seeds cannot tell: 5 or more can"
        : grows.length === 0
          ? "no growth with depth is seen"
          : `it grows with depth on ${grows.map(({ place }) => place).join("; ")}${grows.length < trends.length ? ", and not measurably elsewhere" : ""}`;
  const floor =
    above.length === 0
      ? "it is smaller than what another order of sums does, everywhere"
      : `it exceeds what another order of sums does on ${above
          .map(
            (group) =>
              `${placeOf(group)} (${exceeding(group)
                .map((layers) => `depth ${layers}`)
                .join(", ")})`,
          )
          .join("; ")}`;
  return `Does the difference between the gradient by hand and the automatic one grow with depth? ${sentence(growth)} ${sentence(floor)}`;
}

function sentencesOn(group: Group, depth: Depth): string[] {
  const [first] = group;
  const along = (of: (network: Measured) => number | undefined): string => {
    const values = [first, ...(group.length > 1 ? [group.at(-1) as Measured] : [])];
    return values.map((one) => `${formatError(of(one) ?? Number.NaN)} at depth ${one.depth}`).join(" and ");
  };
  const identical = group.every(({ whole }) => whole.distance.relL2.samples.every((value) => value === 0));
  const above = exceeding(group);
  const { error } = first.whole;
  return [
    identical
      ? "By hand and automatic are the same, bit for bit."
      : `By hand and automatic differ by ${along(({ whole }) => whole.distance.relL2.median)}${formatGrowth(findTrend(group, depth, "distance"))}.`,
    `Another order of sums moves the automatic gradient by ${along(({ whole }) => whole.reordering.relL2.median)}${formatGrowth(findTrend(group, depth, "reordering"))}: ${
      above.length === 0
        ? "further than they differ, at every depth"
        : above.length === group.length
          ? "less than they differ, at every depth"
          : `less than they differ at depth ${above.join(", ")}`
    }.`,
    ...(error
      ? [
          `By hand is off by ${along(({ whole }) => whole.error?.manual.median)}${formatGrowth(findTrend(group, depth, "error/manual"))}, automatic by ${along(({ whole }) => whole.error?.autograd.median)}${formatGrowth(findTrend(group, depth, "error/autograd"))}.`,
        ]
      : []),
    ...[...new Set(group.flatMap(({ note }) => note ?? []))].map(sentence),
  ];
}

/** ", as depth^0.18 [−0.02, 0.35] (93.7 %)"; empty for an undefined trend. */
function formatGrowth(trend: Depth["trends"][number] | undefined): string {
  if (!trend) return "";
  const [low, high] = trend.ci.map(formatExponent);
  return `, as depth^${formatExponent(trend.exponent)} [${low}, ${high}] (${formatCoverage(trend.coverage)})`;
}

const formatExponent = (value: number): string => value.toFixed(2).replace("-", "−");

/** Describes if and when the loss curves of training diverge. */
function describeParting({ depth, training }: Measured): string[] {
  if (!training) return [];
  const { manual, autograd, reordered } = training;
  const last = autograd[finiteSteps(autograd) - 1];
  const end =
    finiteSteps(autograd) === autograd.length
      ? `to ${formatLoss(last)}`
      : `until it diverged at step ${finiteSteps(autograd) + 1}`;
  return [
    `Trained for ${plural(autograd.length, "step")} at depth ${depth}, from a loss of ${formatLoss(autograd[0])} ${end}: by hand and automatic ${partingWords(manual, autograd)}; automatic and itself in another order ${partingWords(reordered, autograd)}.`,
  ];
}

const formatLoss = (loss: number | undefined): string =>
  loss === undefined || !Number.isFinite(loss) ? "?" : loss.toPrecision(4);

/** The number of steps before the loss becomes non-finite. */
function finiteSteps(losses: readonly number[]): number {
  const diverged = losses.findIndex((loss) => !Number.isFinite(loss));
  return diverged < 0 ? losses.length : diverged;
}

/** |a − b| / |b| of each step, while both losses are finite. */
export const relativeDifferences = (a: readonly number[], b: readonly number[]): number[] =>
  b.slice(0, Math.min(finiteSteps(a), finiteSteps(b))).map((loss, step) => {
    const difference = Math.abs((a[step] ?? Number.NaN) - loss);
    return difference === 0 ? 0 : difference / Math.abs(loss);
  });

function partingWords(a: readonly number[], b: readonly number[]): string {
  const differences = relativeDifferences(a, b);
  const diverged =
    finiteSteps(a) === finiteSteps(b)
      ? ""
      : `, and only one of them diverged, at step ${differences.length + 1}`;
  const first = differences.findIndex((value) => value > 0);
  if (first < 0) {
    const until = differences.length === b.length ? "at every step" : "up to there";
    return `have the same loss ${until}, bit for bit${diverged}`;
  }
  const parted = differences.findIndex((value) => value > PARTED);
  const largest = Math.max(...differences);
  const where = differences.indexOf(largest) + 1;
  return parted < 0
    ? `first differ at step ${first + 1} and never part by ${100 * PARTED} % (at most by ${formatError(largest)}, at step ${where})${diverged}`
    : `first differ at step ${first + 1} and part by ${100 * PARTED} % at step ${parted + 1}${diverged}`;
}

/** True if there are differences for a chart. */
const hasDifferences = ({ training }: Measured): boolean =>
  training !== undefined &&
  [training.manual, training.reordered].some((losses) =>
    relativeDifferences(losses, training.autograd).some((difference) => difference > 0),
  );

function listCharts({ network, images }: Depth, measured: readonly Measured[]): Chart[] {
  const dtypes = (["float32", "float64"] as const).filter((dtype) =>
    measured.some((one) => one.dtype === dtype),
  );
  const on = images.source === "synthetic" ? " on synthetic images" : "";
  return dtypes.flatMap((dtype): Chart[] => [
    {
      ...({ kind: "layers", dtype, file: `depth-${dtype}.svg` } as const),
      text: `Distances and errors of the gradients of each layer of ${network}${on}, ${dtype}, a line for each depth`,
    },
    ...(measured.some((one) => one.dtype === dtype && hasDifferences(one))
      ? [
          {
            ...({ kind: "training", dtype, file: `training-${dtype}.svg` } as const),
            text: `Relative difference of the losses in training ${network}${on}, ${dtype}`,
          },
        ]
      : []),
  ]);
}

export function depthBlocks(view: DepthView, isComplete: boolean): Block[] {
  const { heading, premises, answer, findings, networks, absent, charts } = view;
  return [
    { kind: "heading", level: 2, text: heading },
    { kind: "list", items: premises },
    networkTable(networks),
    ...absentList(absent, "depths"),
    ...(isComplete ? charts.map(({ file, text }): Block => ({ kind: "image", file, text })) : []),
    ...findings.flatMap(({ heading: place, sentences }): Block[] => [
      { kind: "heading", level: 3, text: place },
      { kind: "list", items: sentences },
    ]),
    ...(isComplete ? layerTables(networks) : []),
    { kind: "paragraph", text: answer, emphasis: true },
  ];
}

const formatDifferences = ({ distance, reordering, error }: Measured["whole"]): string[] => [
  formatError(distance.relL2.median),
  formatCount(distance.maxUlp.median),
  formatError(reordering.relL2.median),
  error ? formatError(error.manual.median) : "",
  error ? formatError(error.autograd.median) : "",
];

const NUMBERS = ["distance", "max ULP", "other order", "error by hand", "error automatic"];

const networkTable = (networks: readonly Measured[]): Block => ({
  kind: "table",
  header: ["dtype", "backend", "depth", "parameters", ...NUMBERS, "step ratio"],
  numeric: [2, 3, 4, 5, 6, 7, 8, 9],
  optional: [3, 5],
  rows: networks.map(({ dtype, backend, depth, whole, step }) => [
    ...[dtype, backend, String(depth), formatCount(whole.parameters)],
    ...formatDifferences(whole),
    step ? formatStepRatio(step.ratio) : "",
  ]),
});

/**
 * `1.25× [1.20, 1.30]`, `= 1.01× [0.98, 1.05]`, or `= 1.25×` without an interval. The interval is of one process: the two
 * are tied as well if processes of identical code may differ as much.
 */
function formatStepRatio({ median, ci95, coverage }: NonNullable<Measured["step"]>["ratio"]): string {
  if (coverage < 0.95) return `= ${formatRatio(median)}`;
  const [low, high] = ci95;
  const shown = `${formatRatio(median)} [${low.toPrecision(3)}, ${high.toPrecision(3)}]`;
  const resolution = ASSUMED_RESOLUTION;
  const isWithin = areTied({ time: median, resolution }, { time: 1, resolution });
  return isWithin || (low <= 1 && high >= 1) ? `= ${shown}` : shown;
}

/** Tables of the layers of the deepest network of each backend; the others are in the results. */
function layerTables(networks: readonly Measured[]): Block[] {
  return byPlace(networks).flatMap((group): Block[] => {
    const deepest = group.at(-1) as Measured;
    return [
      { kind: "heading", level: 3, text: `${placeOf(group)}: layers at depth ${deepest.depth}` },
      {
        kind: "table",
        header: ["layer", "parameters", "gradient norm", ...NUMBERS],
        numeric: [1, 2, 3, 4, 5, 6, 7],
        optional: [1, 4],
        rows: deepest.layers.map(({ name, parameters, norm, ...rest }) => [
          ...[name, formatCount(parameters), formatError(norm.median)],
          ...formatDifferences({ parameters, norm, ...rest }),
        ]),
      },
    ];
  });
}
