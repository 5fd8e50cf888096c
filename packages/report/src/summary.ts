import type { Block } from "./block.js";
import { DEFAULT_CONSTRAINTS, describeBound } from "./constraints.js";
import { depthBlocks } from "./depth.js";
import { precisionBlocks, section, unavailableList } from "./document.js";
import { FASTEST_LEGEND, fastestRow } from "./fastest.js";
import { hostsBlocks } from "./hosts.js";
import type { RankedCell } from "./ranking.js";
import type { RecommendedGradient } from "./recommend.js";
import { scalingBlocks } from "./scaling.js";
import { describeUnsettled } from "./verdict.js";
import type { ReportView } from "./view.js";

/** The answers of a report: the fastest gradient of each workload and dtype, and how far the next backend is. */
export function buildSummary(view: ReportView): Block[] {
  return [
    { kind: "heading", level: 1, text: view.title },
    ...[view.busy, view.notice].flatMap((text): Block[] =>
      text ? [{ kind: "paragraph", text, emphasis: true }] : [],
    ),
    ...fastestBlocks(view),
    ...(view.hosts ? hostsBlocks(view.hosts) : []),
    ...(view.depth ? depthBlocks(view.depth, false) : []),
    ...(view.scaling ? scalingBlocks(view.scaling, "brief") : []),
    ...(view.precision ? precisionBlocks(view.precision, "brief") : []),
    ...section("Went wrong", view.broken),
    ...unavailableList(view.backends),
    ...(view.wall ? ([{ kind: "paragraph", text: `Wall time ${view.wall}.` }] satisfies Block[]) : []),
  ];
}

function fastestBlocks({ workloads, precision, soFar }: ReportView): Block[] {
  const all = workloads.flatMap(({ recommendations }) => recommendations);
  const won = all.filter(({ best }) => best);
  const openQuestions = workloads.flatMap(({ verdicts, recommendations }) =>
    verdicts.filter((_, index) => !recommendations[index]?.best),
  );
  const unsettled = won.flatMap((one) => {
    const sentence = describeUnsettled(one, DEFAULT_CONSTRAINTS);
    return sentence ? [`${one.workload} ${one.dtype}: ${sentence}.`] : [];
  });
  const bounds = [...new Set(won.map(({ dtype }) => dtype))].map(
    (dtype) => `${describeBound(dtype, DEFAULT_CONSTRAINTS.error)} in ${dtype}`,
  );
  return [
    ...(won.length
      ? ([
          { kind: "heading", level: 2, text: `The fastest gradient${soFar} within the error bound` },
          fastestTable(won),
          {
            kind: "paragraph",
            text: `${FASTEST_LEGEND} The bound: ${bounds.join("; ")}, on these inputs; study precision shows where a method leaves it. --full prints every cell.`,
          },
        ] satisfies Block[])
      : []),
    ...(unsettled.length ? ([{ kind: "list", items: unsettled }] satisfies Block[]) : []),
    // A run that draws errors times its cells only by the way.
    ...(openQuestions.length && !precision
      ? ([{ kind: "list", items: openQuestions }] satisfies Block[])
      : []),
    ...workloads.flatMap(({ references }) => references.map((text): Block => ({ kind: "paragraph", text }))),
  ];
}

const fastestTable = (won: readonly RecommendedGradient[]): Block => ({
  kind: "table",
  header: ["workload", "fastest", "gradient", "±", "rel. L2", "next backend", "ratio"],
  numeric: [2, 3, 4, 6],
  optional: [4, 3],
  rows: won.flatMap(({ workload, dtype, best, ...recommendation }) => {
    if (!best) return [];
    const { time, resolution, error, next, ratio } = fastestRow(best, recommendation);
    return [
      [
        ...[`${workload} ${dtype}`, nameOf(best), time, resolution, error],
        ...[next ? nameOf(next) : "", ratio],
      ],
    ];
  }),
});

const nameOf = ({ backend, method }: RankedCell): string => `${backend} ${method}`;
