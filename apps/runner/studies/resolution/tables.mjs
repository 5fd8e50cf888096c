import { existsSync } from "node:fs";
import { join } from "node:path";
import { busyMachine, cellKey, resolutionLookup } from "@softmax-bench/core";
import { compare, DEFAULT_LIMITS, tally } from "@softmax-bench/regression";
import { rank } from "@softmax-bench/report";
import { areTied, median as medianOf } from "@softmax-bench/stats";
import { createExperiments } from "../../dist/experiments/index.js";
import { readJournal } from "../../dist/results/journal/journal.js";
import { timeOf } from "../../dist/results/journal/settled-measurements.js";
import { assemble } from "../../dist/run/assemble.js";
import { planOfRun } from "../../dist/run/plan-run.js";
import { CELLS, FULL_RUNS, folderOf, LOADED_RUNS, REPEATS } from "./cells.mjs";

/** Prints the tables of the study, as Markdown, from what the runs of `run.mjs` measured, by the current rules. */

const [study] = process.argv.slice(2);
const firstPasses = new Map();
async function load(name) {
  const file = join(study ?? "", name, "journal.jsonl");
  if (!existsSync(file)) return [];
  const { header, entries } = readJournal(file);
  const ofWanted = entries.filter((entry) => entry.type === "cell" && CELLS.includes(cellKey(entry)));
  firstPasses.set(
    header.id,
    ofWanted.filter(({ pass, twin, samples }) => pass === 0 && !twin && samples?.gradient),
  );
  return [assemble(header, entries, await planOfRun(header), createExperiments(header))];
}
const several = async (count, kind) =>
  (await Promise.all(Array.from({ length: count }, (_, index) => load(folderOf(kind, index))))).flat();
/** NaN while there are no runs of a kind. */
const median = (values) => (values.length > 0 ? medianOf(values) : Number.NaN);
/** What the order of a process does to its first pass: the second process's, in reverse, relative to the first one's. */
const orderRatio = ({ run }, key) => {
  const own = firstPasses.get(run.id).filter((one) => cellKey(one) === key);
  const [drawn, reversed] = [0, 1].map((round) => own.find((one) => one.round === round));
  return drawn && reversed ? [timeOf(reversed, "gradient") / timeOf(drawn, "gradient")] : [];
};
const gradientOf = (results, key) => results.cells.find((cell) => cellKey(cell) === key)?.timing?.gradient;
const percent = (ratio) => `${(100 * ratio).toFixed(1)} %`;
const duration = (ns) => (ns < 1e6 ? `${(ns / 1e3).toFixed(1)} µs` : `${(ns / 1e6).toFixed(2)} ms`);
const table = (header, rows) =>
  [header, header.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
const write = (text) => process.stdout.write(`${text}\n\n`);

const full = await several(FULL_RUNS, "full");
const loaded = await several(LOADED_RUNS, "loaded");
const alone = await Promise.all(CELLS.map((_, cell) => several(REPEATS, `alone-${folderOf("cell", cell)}`)));
write(`${full.length} runs of the default profile, ${loaded.length} with one core loaded.`);
write(
  `Wall time, median: ${(median(full.map(({ run }) => Object.values(run.wallNs).reduce((sum, ns) => sum + ns))) / 60e9).toFixed(1)} minutes; processes of each backend: ${full.map(({ run }) => run.processes).join(", ")}; called busy: ${full.filter(busyMachine).length} of ${full.length}, and ${loaded.filter(busyMachine).length} of ${loaded.length} loaded ones.`,
);

write("Position: medians over the runs, ratios to the whole matrix.");
write(
  table(
    [
      "cell",
      "whole",
      "alone / whole",
      "second / first process",
      "resolution",
      "within",
      "first passes, reversed / drawn",
    ],
    CELLS.map((key, cell) => {
      const whole = full.slice(0, REPEATS).flatMap((results) => gradientOf(results, key) ?? []);
      const ofAlone = alone[cell].flatMap((results) => gradientOf(results, key) ?? []);
      const [backend, , , workload] = key.split(" ");
      const resolution = median(
        full.map((results) => resolutionLookup(results)({ backend, workload }, "gradient")),
      );
      const wholeNs = median(whole.map(({ medianNs }) => medianNs));
      const position = median(ofAlone.map(({ medianNs }) => medianNs)) / wholeNs;
      // Both went through the cells in both orders, the second one the other way round.
      const second = median(
        whole.map(({ processMedians = [1, 1] }) => processMedians[1] / processMedians[0]),
      );
      const isWithin = [position, second].every(
        (ratio) => Math.abs(Math.log(ratio)) <= Math.log1p(resolution),
      );
      return [
        key,
        duration(wholeNs),
        position.toFixed(3),
        second.toFixed(3),
        percent(resolution),
        isWithin ? "yes" : "no",
        median(full.flatMap((results) => orderRatio(results, key))).toFixed(3),
      ];
    }),
  ),
);

const groupsOf = (phase) =>
  full.flatMap((results) => (results.resolution?.groups ?? []).filter((group) => group.phase === phase));
/** Median and range, as percentages. */
const spread = (ratios) => [median(ratios), Math.min(...ratios), Math.max(...ratios)].map(percent);
const resolutions = groupsOf("gradient");
const [[middle, finest, coarsest], [roundTrips]] = [resolutions, groupsOf("roundtrip")].map((groups) =>
  spread(groups.map(({ ratio }) => ratio)),
);
const steadiness = full.flatMap(({ cells }) =>
  cells.flatMap(({ timing }) => timing?.gradient?.steadiness ?? []),
);
const count = (state) => steadiness.filter((one) => one === state).length;
write(
  `Resolution over backends, workloads and runs: ${middle} in the median (${finest} to ${coarsest}), ${roundTrips} for round trips. Of ${count("settled") + count("unsettled")} tested times ${count("unsettled")} had not settled.`,
);
const printed = full.flatMap((results) => {
  const resolutionOf = resolutionLookup(results);
  return results.cells
    .filter(({ timing }) => timing?.gradient?.steadiness === "settled" && timing.gradient.medianNs > 10e3)
    .map((cell) => resolutionOf(cell, "gradient", cell.timing.gradient));
});
write(
  `Of ${printed.length} settled times above 10 µs, ${percent(printed.filter((ratio) => ratio <= 0.05).length / printed.length)} are known to 5 % or better, ${percent(printed.filter((ratio) => ratio <= 0.1).length / printed.length)} to 10 %.`,
);
write("Resolution by backend: median and range over runs and workloads.");
write(
  table(
    ["backend", "median", "from", "to"],
    [...new Set(resolutions.map(({ backend }) => backend))].map((backend) => [
      backend,
      ...spread(resolutions.filter((group) => group.backend === backend).map(({ ratio }) => ratio)),
    ]),
  ),
);

const areApart = (a, b, resolution) => !areTied({ time: a, resolution }, { time: b, resolution });
const counted = { twins: [0, 0], kernel: [0, 0] };
for (const results of full) {
  for (const { medianNs, ratioOfOthers } of results.resolution?.identicalPairs ?? []) {
    if (ratioOfOthers === undefined) continue;
    counted.twins[1]++;
    if (areApart(...medianNs, ratioOfOthers)) counted.twins[0]++;
  }
  const resolutionOf = resolutionLookup(results);
  for (const cell of results.cells.filter(
    ({ backend, method }) => backend === "wasm-simd" && method === "manual/fused",
  )) {
    const other = gradientOf(results, cellKey({ ...cell, method: "manual/exact-target" }));
    const own = cell.timing?.gradient;
    if (!own || !other) continue;
    counted.kernel[1]++;
    if (areApart(own.medianNs, other.medianNs, resolutionOf(cell, "gradient"))) counted.kernel[0]++;
  }
}
write(
  `A/A: of pairs of twins ${counted.twins.join(" of ")} are called different by the resolution without them, of wasm-simd's manual/fused and manual/exact-target, which are one kernel, ${counted.kernel.join(" of ")}.`,
);
const firsts = full.flatMap((results) => {
  const places = new Set(results.cells.map(({ workload, dtype }) => `${workload} ${dtype}`));
  return [...places].map((place) =>
    rank(
      results.cells.filter((cell) => `${cell.workload} ${cell.dtype}` === place),
      results,
    ).filter(({ rank: place }) => place === 1),
  );
});
write(`Cells that share the first rank: ${median(firsts.map(({ length }) => length))} in the median.`);

// Half of the pairs have a run with one core loaded: each two of those, and each of those with runs that were not.
const pairs = [
  ...full.map((run, index) => ["quiet", run, full[(index + 1) % full.length]]),
  ...[
    ...loaded.flatMap((run, index) => loaded.slice(index + 1).map((other) => ["both loaded", run, other])),
    ...full.flatMap((quiet) => loaded.map((run) => ["one loaded", quiet, run])),
  ].slice(0, full.length),
];
write("`pnpm compare` of two runs of one commit:");
write(
  table(
    ["pair", "cells", "slower", "faster", "inconclusive", "regressions", "largest difference"],
    pairs.map(([kind, a, b], index) => {
      const comparison = compare(a, b, DEFAULT_LIMITS, { baseline: a.run.id, candidate: b.run.id });
      const counts = tally(comparison);
      const largest = Math.max(
        ...comparison.cells.map(({ time }) => Math.abs(Math.log1p(time?.slowdown ?? 0))),
      );
      return [
        `${index + 1}, ${kind}`,
        comparison.cells.length,
        counts.slower,
        counts.faster,
        counts.inconclusive,
        counts.regression,
        percent(Math.expm1(largest)),
      ];
    }),
  ),
);
