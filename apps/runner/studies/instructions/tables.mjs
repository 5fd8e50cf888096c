import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  callsForMore,
  DECIDING_PROCESSES,
  DEFAULT_LIMITS,
  decideInstructions,
} from "@softmax-bench/regression";
import { median } from "@softmax-bench/stats";

/** Prints what gates would have concluded from the counts that `run.mjs` made: every choice of their processes. */

const [folder] = process.argv.slice(2);
const read = (kind) =>
  readdirSync(folder)
    .filter((name) => name.startsWith(kind))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")));
const [same, more] = [read("same-"), read("more-")];
const write = (text) => process.stdout.write(`${text}\n`);

const countsOf = (processes, cell) =>
  processes.flatMap(({ cells }) => cells.find((one) => one.cell === cell)?.instructions ?? []);
const cells = same[0].cells.filter(({ status }) => status === "ok").map(({ cell }) => cell);

/** All choices of `count` of some values. */
const choices = (values, count) =>
  count === 0
    ? [[]]
    : values.flatMap((value, index) =>
        choices(values.slice(index + 1), count - 1).map((others) => [value, ...others]),
      );

/** The verdict of a gate on a cell: by one process of either side, and if those call for more, by new ones. */
function conclude(baseline, candidate, fresh) {
  const first = { baseline: [baseline], candidate: [candidate] };
  return callsForMore(first, DEFAULT_LIMITS)
    ? decideInstructions(fresh, DEFAULT_LIMITS, first).verdict
    : "pass";
}

/** Verdicts of all gates whose processes are chosen from counts of one revision, or of two. */
function gates(baseline, candidate) {
  const isOne = candidate === undefined;
  const verdicts = {};
  for (const [b, before] of baseline.entries()) {
    const others = baseline.filter((_, index) => index !== b);
    for (const [a, after] of (candidate ?? others).entries()) {
      const rest = (candidate ?? others).filter((_, index) => index !== a);
      const fresh = isOne
        ? choices(rest, 2 * DECIDING_PROCESSES).map((all) => [
            all.slice(0, DECIDING_PROCESSES),
            all.slice(DECIDING_PROCESSES),
          ])
        : choices(others, DECIDING_PROCESSES).flatMap((one) =>
            choices(rest, DECIDING_PROCESSES).map((other) => [one, other]),
          );
      for (const [deciding, ofCandidate] of fresh) {
        const verdict = conclude(before, after, { baseline: deciding, candidate: ofCandidate });
        verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
      }
    }
  }
  return verdicts;
}

const percent = (ratio) => `${(100 * ratio).toFixed(3)} %`;
const differences = cells.flatMap((cell) =>
  choices(countsOf(same, cell), 2).map(([a, b]) => Math.abs(Math.log(a / b))),
);
const quantile = (values, share) => values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))];
write(`${cells.length} cells, ${same.length} processes of one revision, ${more.length} with more work.`);
write(
  `Two processes of one revision, ${differences.length} pairs: median ${percent(quantile(differences, 0.5))}, 95 % below ${percent(quantile(differences, 0.95))}, largest ${percent(Math.max(...differences))}.`,
);
const disjoint = Math.floor(same.length / 2);
const suspicious = Array.from({ length: disjoint }, (_, pair) =>
  cells.filter((cell) => {
    const counts = countsOf(same, cell);
    return callsForMore({ baseline: [counts[2 * pair]], candidate: [counts[2 * pair + 1]] }, DEFAULT_LIMITS);
  }),
);
write(
  `Gates of one revision, of ${disjoint} disjoint pairs of processes: ${suspicious.flat().length} of ${disjoint * cells.length} cells call for a second look${suspicious.flat().length ? `: ${[...new Set(suspicious.flat())].join(", ")}` : ""}.`,
);
const sum = (all) => {
  const total = {};
  for (const verdicts of all)
    for (const [verdict, count] of Object.entries(verdicts)) total[verdict] = (total[verdict] ?? 0) + count;
  return JSON.stringify(total);
};
write(`All choices of processes of one revision: ${sum(cells.map((cell) => gates(countsOf(same, cell))))}.`);
if (more.length > DECIDING_PROCESSES) {
  const growths = cells.map((cell) => median(countsOf(more, cell)) / median(countsOf(same, cell)) - 1);
  write(
    `More work: ${percent(Math.min(...growths))} to ${percent(Math.max(...growths))}, median ${percent(median(growths))}.`,
  );
  const found = cells.map((cell) => [cell, gates(countsOf(same, cell), countsOf(more, cell))]);
  write(`All choices of processes with more work: ${sum(found.map(([, verdicts]) => verdicts))}.`);
  const always = found.filter(([, verdicts]) => Object.keys(verdicts).join() === "regression");
  write(`Found by every choice: ${always.length} of ${cells.length} cells.`);
  for (const [cell, verdicts] of found.filter((one) => !always.includes(one)))
    write(`  ${cell}: ${JSON.stringify(verdicts)}`);
}
write(`Seconds per process: ${median(same.map(({ seconds }) => seconds)).toFixed(0)} in the median.`);
