import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { busyMachine, cellKey, resolutionLookup } from "@softmax-bench/core";
import { parseResults } from "@softmax-bench/core/results";
import { compare, DEFAULT_LIMITS, tally } from "@softmax-bench/regression";
import { rank } from "@softmax-bench/report";
import { areTied, median as medianOf } from "@softmax-bench/stats";
import { CELLS, FULL_RUNS, folderOf, LOADED_RUNS, REPEATS } from "./cells.mjs";

/** Prints the tables of the study, as Markdown, from the runs that `run.mjs` made. */

const [study] = process.argv.slice(2);
const load = (name) => {
  const file = join(study ?? "", name, "results.json");
  return existsSync(file) ? parseResults(readFileSync(file, "utf8")) : undefined;
};
const several = (count, kind) =>
  Array.from({ length: count }, (_, index) => load(folderOf(kind, index))).filter(Boolean);
/** NaN while there are no runs of a kind. */
const median = (values) => (values.length > 0 ? medianOf(values) : Number.NaN);
const gradientOf = (results, key) => results.cells.find((cell) => cellKey(cell) === key)?.timing?.gradient;
const percent = (ratio) => `${(100 * ratio).toFixed(1)} %`;
const duration = (ns) => (ns < 1e6 ? `${(ns / 1e3).toFixed(1)} µs` : `${(ns / 1e6).toFixed(2)} ms`);
const table = (header, rows) =>
  [header, header.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
const write = (text) => process.stdout.write(`${text}\n\n`);

const full = several(FULL_RUNS, "full");
const loaded = several(LOADED_RUNS, "loaded");
write(`${full.length} runs of the default profile, ${loaded.length} with one core loaded.`);
write(
  `Wall time, median: ${(median(full.map(({ run }) => (Date.parse(run.finishedAt) - Date.parse(run.startedAt)) / 1000)) / 60).toFixed(1)} minutes; processes of each backend: ${full.map(({ run }) => run.processes).join(", ")}; called busy: ${full.filter(busyMachine).length} of ${full.length}, and ${loaded.filter(busyMachine).length} of ${loaded.length} loaded ones.`,
);

write("Position: medians over the runs, ratios to the whole matrix.");
write(
  table(
    ["cell", "whole", "alone / whole", "reversed / drawn", "resolution", "within"],
    CELLS.map((key, cell) => {
      const whole = full.slice(0, REPEATS).flatMap((results) => gradientOf(results, key) ?? []);
      const alone = several(REPEATS, `alone-${folderOf("cell", cell)}`).flatMap(
        (results) => gradientOf(results, key) ?? [],
      );
      const [backend, , , workload] = key.split(" ");
      const resolution = median(
        full.map((results) => resolutionLookup(results)({ backend, workload }, "gradient")),
      );
      const wholeNs = median(whole.map(({ medianNs }) => medianNs));
      const position = median(alone.map(({ medianNs }) => medianNs)) / wholeNs;
      // The second process goes through the order of the first in reverse.
      const reversed = median(
        whole.map(({ processMedians = [1, 1] }) => processMedians[1] / processMedians[0]),
      );
      const isWithin = [position, reversed].every(
        (ratio) => Math.abs(Math.log(ratio)) <= Math.log1p(resolution),
      );
      return [
        key,
        duration(wholeNs),
        position.toFixed(3),
        reversed.toFixed(3),
        percent(resolution),
        isWithin ? "yes" : "no",
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

/** True if a run calls two times of one backend and workload different. */
const isApart = (results, { backend, workload }, a, b) => {
  const resolution = resolutionLookup(results)({ backend, workload }, "gradient");
  return !areTied({ time: a, resolution }, { time: b, resolution });
};
const counted = { twins: [0, 0], kernel: [0, 0] };
for (const results of full) {
  for (const pair of results.resolution?.identicalPairs ?? []) {
    counted.twins[1]++;
    if (isApart(results, pair, ...pair.medianNs)) counted.twins[0]++;
  }
  for (const cell of results.cells.filter(
    ({ backend, method }) => backend === "wasm-simd" && method === "manual/fused",
  )) {
    const other = gradientOf(results, cellKey({ ...cell, method: "manual/exact-target" }));
    const own = cell.timing?.gradient;
    if (!own || !other) continue;
    counted.kernel[1]++;
    if (isApart(results, cell, own.medianNs, other.medianNs)) counted.kernel[0]++;
  }
}
write(
  `A/A: of pairs of twins ${counted.twins.join(" of ")} are called different, of wasm-simd's manual/fused and manual/exact-target, which are one kernel and not what the resolution is made from, ${counted.kernel.join(" of ")}.`,
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
