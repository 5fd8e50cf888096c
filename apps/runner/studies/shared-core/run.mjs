import { wasmSimd } from "@softmax-bench/adapter-wasm-simd";
import { probeThroughput } from "@softmax-bench/measure/cores";
import { median } from "@softmax-bench/stats";
import { otherCores } from "../../../../packages/host-node/dist/other-cores.js";

/** Times of a gradient in windows, beside the probe on one core and on another. */

const seconds = Number(process.argv[2] ?? 100);
const [rows, classes] = [256, 1000];
const WINDOW_NS = 5e6;
const BIN_NS = 2e8;
const TOLERANCE = 1.3;

const now = () => Number(process.hrtime.bigint());
const other = otherCores(1);
const inputs = {
  logits: Float32Array.from({ length: rows * classes }, (_, index) => Math.sin(index)),
  labels: new Int32Array(rows),
};
const prepared = [];
for (const threads of [1, 2]) {
  const engine = await wasmSimd.open({ threads });
  const task = { method: "manual/fused", dtype: "float32", rows, classes };
  prepared.push(await engine.prepare(task, inputs));
}

const probe = () => {
  other?.start();
  const own = probeThroughput(now);
  return { own, other: Math.min(other?.finish().probeNs ?? own, 1e9) };
};

/** One window: the median call, and the slower of the probes before and after it. */
async function takeWindow(gradient) {
  const before = probe();
  const times = [];
  const begun = now();
  while (now() - begun < WINDOW_NS) {
    const start = now();
    await gradient();
    times.push(now() - start);
  }
  const after = probe();
  return {
    at: begun,
    timeNs: median(times),
    own: Math.max(before.own, after.own),
    other: Math.max(before.other, after.other),
  };
}

const windows = [[], []];
const end = now() + seconds * 1e9;
for (let warmup = 0; warmup < 200; warmup++) for (const each of prepared) await each.gradient();
while (now() < end) {
  for (const [index, each] of prepared.entries())
    windows[index].push(await takeWindow(() => each.gradient()));
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
/** Pearson's r of logarithms of the means over bins. */
function correlation(of, probeOf) {
  const bins = groupByBin(of);
  const pairs = [...bins.values()].map((bin) => [
    Math.log(mean(bin.map(({ timeNs }) => timeNs))),
    Math.log(mean(bin.map(probeOf))),
  ]);
  const [x, y] = [0, 1].map((column) => mean(pairs.map((pair) => pair[column])));
  const sum = (term) => pairs.reduce((total, pair) => total + term(pair[0] - x, pair[1] - y), 0);
  return sum((a, b) => a * b) / Math.sqrt(sum((a) => a * a) * sum((_, b) => b * b));
}
function groupByBin(of) {
  const bins = new Map();
  for (const window of of) {
    const bin = Math.floor(window.at / BIN_NS);
    bins.set(bin, [...(bins.get(bin) ?? []), window]);
  }
  return bins;
}
const quantile = (values, share) => values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))];
const micros = (ns) => `${(ns / 1e3).toFixed(1)} µs`;
const spread = (of) => {
  const times = of.map(({ timeNs }) => timeNs);
  const [low, middle, high] = [0.05, 0.5, 0.95].map((share) => quantile(times, share));
  return `${of.length} windows, median ${micros(middle)}, 5 to 95 %: ${micros(low)} to ${micros(high)}`;
};

const all = windows.flat();
const referenceNs = quantile(
  all.map(({ own }) => own),
  0.02,
);
const shared = (probeNs) => probeNs > TOLERANCE * referenceNs;
process.stdout.write(
  `probe: ${micros(referenceNs)}; this core is shared in ${Math.round(100 * mean(all.map(({ own }) => Number(shared(own)))))} % of windows, the other one in ${Math.round(100 * mean(all.map(({ other }) => Number(shared(other)))))} %\n`,
);
for (const [index, of] of windows.entries()) {
  const slower = ({ own, other }) => Math.max(own, other);
  process.stdout.write(
    `${index + 1} thread${index === 0 ? "" : "s"}\n  r with this core's probe ${correlation(of, ({ own }) => own).toFixed(2)}, with the slower of both ${correlation(of, slower).toFixed(2)}\n`,
  );
  process.stdout.write(`  all: ${spread(of)}\n`);
  process.stdout.write(`  this core undisturbed: ${spread(of.filter(({ own }) => !shared(own)))}\n`);
  process.stdout.write(`  both undisturbed: ${spread(of.filter((window) => !shared(slower(window))))}\n`);
}
process.exit();
