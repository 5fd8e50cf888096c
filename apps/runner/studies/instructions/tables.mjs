import { readFileSync } from "node:fs";
import { uniformSource } from "@softmax-bench/core";
import {
  CONFIRMING_PROCESSES,
  callsForMore,
  DECIDING_PROCESSES,
  DEFAULT_LIMITS,
} from "@softmax-bench/regression";
import { median } from "@softmax-bench/stats";
import { decideByLooks } from "../../dist/gate/instructions.js";

/**
 * Prints what gates would have concluded from the counts that `run.mjs` made: every choice of their first processes, and for the cells
 * that were counted again, each with many choices of the further ones.
 */

const [file] = process.argv.slice(2);
if (!file) {
  process.stderr.write("usage: node tables.mjs <counts.json>\n");
  process.exit(2);
}
const kept = JSON.parse(readFileSync(file, "utf8"));
const cells = Object.keys(kept.cells);
/** Instructions per call of a cell in each process of a kind. */
const countsOf = (kind, cell) => kept.cells[cell][kind] ?? [];
const processesOf = (kind) => Math.max(...cells.map((cell) => countsOf(kind, cell).length));
const write = (text) => process.stdout.write(`${text}\n`);

/** All choices of `count` of some values. */
const choices = (values, count) =>
  count === 0
    ? [[]]
    : values.flatMap((value, index) =>
        choices(values.slice(index + 1), count - 1).map((others) => [value, ...others]),
      );

/** Gates that are drawn for each choice of the first processes of a cell that was counted again. */
const DRAWN = 1000;
const uniform = uniformSource("studies/instructions", 0);
const shuffled = (values) =>
  values
    .map((value) => ({ value, at: uniform() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);

/** The verdict of a gate by one process of either side and, if those call for more, by further ones, drawn from those that counted again. */
function conclude(first, again) {
  if (!callsForMore(first, DEFAULT_LIMITS)) return "pass";
  const [baseline, candidate] = again();
  const look = (...range) => ({ baseline: baseline.slice(...range), candidate: candidate.slice(...range) });
  const second = look(0, DECIDING_PROCESSES);
  const third = look(DECIDING_PROCESSES, DECIDING_PROCESSES + CONFIRMING_PROCESSES);
  const { verdict } = decideByLooks(first, [second], DEFAULT_LIMITS);
  return verdict === "regression" ? decideByLooks(first, [second, third], DEFAULT_LIMITS).verdict : verdict;
}

/** Verdicts of gates of one revision, or of two, as shares of all choices of the first processes. */
function gates(cell, isChanged) {
  const before = countsOf("same", cell);
  const after = isChanged ? countsOf("more", cell) : before;
  const further = DECIDING_PROCESSES + CONFIRMING_PROCESSES;
  const [again, changedAgain] = [countsOf("again-same", cell), countsOf("again-more", cell)];
  const verdicts = {};
  for (const [b, baseline] of before.entries()) {
    for (const [a, candidate] of after.entries()) {
      if (!isChanged && a === b) continue;
      // Cells that were not counted again have further processes like the first ones.
      const draw = () => {
        if (again.length === 0) return [before, after].map((counts) => shuffled(counts).slice(0, further));
        if (isChanged) return [again, changedAgain].map((counts) => shuffled(counts).slice(0, further));
        const all = shuffled(again);
        return [all.slice(0, further), all.slice(further, 2 * further)];
      };
      const drawn = again.length > 0 ? DRAWN : 1;
      for (let gate = 0; gate < drawn; gate++) {
        const verdict = conclude({ baseline: [baseline], candidate: [candidate] }, draw);
        verdicts[verdict] = (verdicts[verdict] ?? 0) + 1 / drawn;
      }
    }
  }
  return verdicts;
}

const percent = (ratio) => `${Number((100 * ratio).toPrecision(2))} %`;
const quantile = (values, share) => values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))];
const describe = (verdicts) =>
  Object.entries(verdicts)
    .map(([verdict, count]) => `${verdict} ${Number(count.toFixed(3))}`)
    .join(", ");
function sum(all) {
  const total = {};
  for (const verdicts of all)
    for (const [verdict, count] of Object.entries(verdicts)) total[verdict] = (total[verdict] ?? 0) + count;
  return describe(total);
}
const again = cells.filter((cell) => countsOf("again-same", cell).length > 0);
const hasMore = processesOf("more") > 0;

write(
  `${cells.length} cells; ${processesOf("same")} processes of one revision, ${processesOf("more")} with more work; counted again, alone, in ${processesOf("again-same")} of either: ${again.join(", ") || "none"}.\n`,
);
const rows = [...new Set(cells.map((cell) => cell.split(" ", 1)[0]))].map((backend) => {
  const own = cells.filter((cell) => cell.startsWith(`${backend} `));
  const pairs = own.flatMap((cell) => choices(countsOf("same", cell), 2));
  const differences = pairs.map(([a, b]) => Math.abs(Math.log(a / b)));
  const apart = pairs.filter(([a, b]) => callsForMore({ baseline: [a], candidate: [b] }, DEFAULT_LIMITS));
  const growths = own.map((cell) => median(countsOf("more", cell)) / median(countsOf("same", cell)) - 1);
  const found = own.filter((cell) => Object.keys(gates(cell, true)).join() === "regression");
  return [
    backend,
    own.length,
    ...[quantile(differences, 0.5), quantile(differences, 0.95), Math.max(...differences)].map(percent),
    `${apart.length} of ${pairs.length}`,
    ...(hasMore
      ? [
          `${percent(Math.min(...growths))} to ${percent(Math.max(...growths))}`,
          `${found.length} of ${own.length}`,
        ]
      : []),
  ];
});
const header = [
  ...["backend", "cells", "two processes of one revision: median", "95 % below", "largest"],
  ...["pairs that call for a second look", ...(hasMore ? ["more work", "found by every choice"] : [])],
];
for (const row of [header, header.map(() => "---"), ...rows]) write(`| ${row.join(" | ")} |`);
write(
  `\nGates of one revision, all choices of first processes: ${sum(cells.map((cell) => gates(cell, false)))}.`,
);
if (hasMore) {
  const found = cells.map((cell) => [cell, gates(cell, true)]);
  write(`Gates of two, all choices of first processes: ${sum(found.map(([, verdicts]) => verdicts))}.`);
  for (const [cell, verdicts] of found.filter(([, one]) => Object.keys(one).join() !== "regression"))
    write(`  ${cell}: ${describe(verdicts)}`);
}
const seconds = (kind) =>
  Object.entries(kept.seconds).flatMap(([name, one]) => (name.replace(/-\d+$/, "") === kind ? one : []));
write(
  `Seconds per process, median: ${median(seconds("same"))}${again.length > 0 ? `; of those alone ${median(seconds("again-same"))}` : ""}.`,
);
