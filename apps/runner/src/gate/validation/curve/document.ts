import { plural } from "@softmax-bench/core";
import { median, wilsonInterval } from "@softmax-bench/stats";
import { type Measure, SLOWDOWNS } from "./design.js";
import type { CurveCell, CurveHeader, CurveRound } from "./journal.js";
import { RULES } from "./rules.js";

/** Detection against true slowdown, as a page. */
export function curveMarkdown(header: CurveHeader, rounds: readonly CurveRound[]): string {
  const { measure, busy, browser, cpu, cores, node, commit, startedAt, maxSlowdown = 0.1 } = header;
  const cells = rounds.flatMap((round) => round.cells);
  const rules = RULES.filter(({ measures }) => measures.includes(measure));
  const minutes = rounds.reduce((sum, { seconds }) => sum + seconds, 0) / 60;
  const levels = [...new Set(SLOWDOWNS[measure])];
  const share = (of: readonly CurveCell[], isOne: (cell: CurveCell) => boolean | undefined) => {
    const known = of.map(isOne).filter((is) => is !== undefined);
    return describeShare(known.filter(Boolean).length, known.length, of.length);
  };
  const rows = levels.map((level) => {
    const own = cells.filter(({ slowdown }) => slowdown === level);
    return [
      percent(level),
      String(own.length),
      share(own, ({ verdict }) => verdict === "regression"),
      share(own, ({ verdict }) => verdict === "inconclusive"),
      describeFound(own.flatMap(({ found }) => found ?? [])),
      ...rules.map((rule) => share(own, (cell) => rule.isSlower(cell))),
    ];
  });
  const columns = [
    ...["true slowdown", "trials", "gate: regression", "inconclusive", "estimate"],
    ...rules.map(({ name }) => name),
  ];
  const table = [columns, columns.map(() => "---:"), ...rows].map((row) => `| ${row.join(" | ")} |`);
  const unchanged = cells.filter(({ slowdown }) => slowdown === 0);
  const ofVerdict = (wanted: CurveCell["verdict"]) =>
    unchanged.filter(({ verdict }) => verdict === wanted).length;
  const [regressions, improvements] = [ofVerdict("regression"), ofVerdict("improvement")];
  const [, most] = wilsonInterval(regressions + improvements, Math.max(1, unchanged.length));
  const busyGates = rounds.filter((round) => round.busy !== undefined).length;
  const tookBusy = busyGates > 0 ? ` ${plural(busyGates, "gate")} took the machine for busy.` : "";
  const broken = rounds.flatMap((round) => round.broken);
  const where = browser ? `pages of ${browser}` : `processes of Node ${node.replace(/^v/, "")}`;
  const limit =
    measure === "time"
      ? ` A gate is to find a slowdown of ${percent(maxSlowdown)} (\`--max-slowdown\`).`
      : "";
  const meanwhile = busy ? ", while a program kept one core busy" : "";
  return [
    `# What a gate finds: ${measure}${browser ? ` in ${browser}` : ""}${busy ? ", on a busy machine" : ""}`,
    `Gates of this checkout and a copy with more work, in ${where}, on ${plural(cores, "core")} of ${cpu}${meanwhile}; ${startedAt.slice(0, 10)}, commit ${commit ?? "unknown"}. ${plural(rounds.length, "gate")} of ${plural(Math.round(cells.length / Math.max(1, rounds.length)), "cell")} took ${(minutes / Math.max(1, rounds.length)).toFixed(1)} minutes${rounds.length === 1 ? "" : " each"}. In every gate, cells are slowed by different amounts: ${describeWork(header)}, measured beforehand. Intervals are of 95 % (Wilson), as if cells were independent; the estimate is the median and the range of the slowdowns that the gate found.${limit}${tookBusy}`,
    ...(unchanged.length > 0
      ? [
          `Of ${plural(unchanged.length, "unchanged cell")} ${regressions} ${regressions === 1 ? "was" : "were"} called a regression and ${improvements} an improvement: at most ${Math.ceil(1000 * most)} false alarms in 1,000 cells, by the interval.`,
        ]
      : []),
    table.join("\n"),
    `The columns on the right are what other rules say of the same measurements, without the gate's corrections and floors: ${RULES_TEXT[measure]}`,
    ...(broken.length ? [`Not measured: ${broken.join(", ")}.`] : []),
  ]
    .join("\n\n")
    .concat("\n");
}

/** The work that slowed the cells, all of them in the same way. */
const describeWork = ({ work }: CurveHeader): string =>
  Object.values(work).every((added) => typeof added === "number")
    ? "by arithmetic of one thread after each gradient, as much as takes that share of the fastest calls"
    : "by a second gradient, of half as many rows, which the same method computes before each one, with as many classes as take that share of the time of both";

const percent = (ratio: number): string => `${Number((100 * ratio).toPrecision(2))} %`.replace("-", "−");

const RULES_TEXT: Readonly<Record<Measure, string>> = {
  time: "the medians of the first process of either side and a limit, by which CodSpeed and Bencher can compare single runs (theirs are hours apart, these took turns); one-sided tests of the samples of these two processes at 5 %, each cell by itself; a change point of all processes, at the candidate's first, by the method of MongoDB and Apache Otava (E-divisive; p ≤ 0.001). Only cells that the gate looked at again have processes enough for that, so it shows no rate of false alarms.",
  instructions:
    "the counts of the first process of either side and a limit. For a change point there are too few processes.",
};

/** @param of those that a rule could say something of @param all the trials */
function describeShare(count: number, of: number, all: number): string {
  if (of === 0) return "";
  const [low, high] = wilsonInterval(count, of).map((share) => (100 * share).toFixed(0));
  return `${count}${of < all ? ` of ${of}` : ""} (${low} to ${high} %)`;
}

const describeFound = (found: readonly number[]): string =>
  found.length === 0
    ? ""
    : `${percent(median(found))} (${percent(Math.min(...found))} to ${percent(Math.max(...found))})`;
