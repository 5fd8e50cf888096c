import { plural } from "@softmax-bench/core";
import { wilsonInterval } from "@softmax-bench/stats";
import { SLOWDOWNS } from "./design.js";
import type { CurveCell, CurveHeader, CurveRound } from "./journal.js";
import { RULES } from "./rules.js";

/** Detection against true slowdown, as a page. */
export function curveMarkdown(header: CurveHeader, rounds: readonly CurveRound[]): string {
  const { measure, busy, browser, cpu, cores, node, commit, startedAt } = header;
  const cells = rounds.flatMap((round) => round.cells);
  const rules = RULES.filter(({ measures }) => measures.includes(measure));
  const minutes = rounds.reduce((sum, { seconds }) => sum + seconds, 0) / 60;
  const levels = [...new Set(SLOWDOWNS[measure])];
  const share = (of: readonly CurveCell[], isOne: (cell: CurveCell) => boolean) =>
    describeShare(of.filter(isOne).length, of.length);
  const rows = levels.map((level) => {
    const own = cells.filter(({ slowdown }) => slowdown === level);
    return [
      `${Number((100 * level).toPrecision(3))} %`,
      String(own.length),
      share(own, ({ verdict }) => verdict === "regression"),
      share(own, ({ verdict }) => verdict === "inconclusive"),
      ...rules.map((rule) => share(own, (cell) => rule.isSlower(cell))),
    ];
  });
  const columns = [
    ...["true slowdown", "trials", "gate: regression", "inconclusive"],
    ...rules.map(({ name }) => name),
  ];
  const table = [columns, columns.map(() => "---:"), ...rows].map((row) => `| ${row.join(" | ")} |`);
  const broken = rounds.flatMap((round) => round.broken);
  const where = browser ? `pages of ${browser}` : `processes of Node ${node.replace(/^v/, "")}`;
  const meanwhile = busy ? ", while a program kept one core busy" : "";
  return [
    `# What a gate finds: ${measure}${browser ? ` in ${browser}` : ""}${busy ? ", on a busy machine" : ""}`,
    `Gates of this checkout and a copy with more arithmetic after each gradient, in ${where}, on ${plural(cores, "core")} of ${cpu}${meanwhile}; ${startedAt.slice(0, 10)}, commit ${commit ?? "unknown"}. ${plural(rounds.length, "gate")} of ${plural(Math.round(cells.length / Math.max(1, rounds.length)), "cell")} took ${(minutes / Math.max(1, rounds.length)).toFixed(1)} minutes each. In every one, cells are slowed by different amounts; intervals are of 95 % (Wilson). The columns on the right are what other rules say of the same measurements.`,
    table.join("\n"),
    ...(broken.length ? [`Not measured: ${broken.join(", ")}.`] : []),
  ]
    .join("\n\n")
    .concat("\n");
}

function describeShare(count: number, of: number): string {
  if (of === 0) return "";
  const [low, high] = wilsonInterval(count, of).map((share) => (100 * share).toFixed(0));
  return `${count} (${low} to ${high} %)`;
}
