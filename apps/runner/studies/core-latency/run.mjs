import { onnxruntimeCpu } from "@softmax-bench/adapter-onnxruntime-node";
import { onnxruntimeWeb } from "@softmax-bench/adapter-onnxruntime-web";
import { wasmSimd } from "@softmax-bench/adapter-wasm-simd";
import { probeThroughput } from "@softmax-bench/measure/cores";
import { median } from "@softmax-bench/stats";
import { otherCores } from "../../../../packages/host-node/dist/other-cores.js";

/** Times of gradients in windows, by how far apart the cores are. */

const seconds = Number(process.argv[2] ?? 60);
const [rows, classes] = [256, 1000];
const WINDOW_NS = 1e7;
/** Between the times of cores that share a cache and of others. */
const APART_NS = 150;

const now = () => Number(process.hrtime.bigint());
const other = otherCores(1);
if (!other) throw new Error("expected a machine with two cores");
const inputs = {
  logits: Float32Array.from({ length: rows * classes }, (_, index) => Math.sin(index)),
  labels: new Int32Array(rows),
};

async function measure(backend) {
  const engine = await backend.open({ threads: 2 });
  const task = { method: "manual/shifted", dtype: "float32", rows, classes };
  const prepared = await engine.prepare(task, inputs);
  for (let warmup = 0; warmup < 500; warmup++) await prepared.gradient();
  const windows = [];
  for (const end = now() + seconds * 1e9; now() < end; ) {
    other.start();
    const ownNs = probeThroughput(now);
    const { probeNs, latencyNs } = other.finish();
    const times = [];
    for (const begun = now(); now() - begun < WINDOW_NS; ) {
      const start = now();
      await prepared.gradient();
      times.push(now() - start);
    }
    windows.push({ timeNs: median(times), probeNs: Math.max(ownNs, probeNs ?? 0), latencyNs });
  }
  await prepared[Symbol.asyncDispose]?.();
  return windows;
}

const micros = (ns) => `${(ns / 1e3).toFixed(1)} µs`;
const quantile = (values, share) => values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))];
const percent = (part, all) => `${Math.round((100 * part.length) / all.length)} %`;

for (const [name, backend] of Object.entries({ onnxruntimeCpu, onnxruntimeWeb, wasmSimd })) {
  const windows = await measure(backend);
  const undisturbed =
    1.3 *
    quantile(
      windows.map(({ probeNs }) => probeNs),
      0.25,
    );
  const groups = {
    "share a cache": windows.filter(({ latencyNs }) => latencyNs < APART_NS),
    "… and both are undisturbed": windows.filter(
      ({ latencyNs, probeNs }) => latencyNs < APART_NS && probeNs <= undisturbed,
    ),
    "share none": windows.filter(({ latencyNs }) => latencyNs >= APART_NS),
    unknown: windows.filter(({ latencyNs }) => latencyNs === undefined),
  };
  process.stdout.write(`${name}, ${windows.length} windows\n`);
  for (const [label, group] of Object.entries(groups)) {
    if (group.length === 0) continue;
    const times = group.map(({ timeNs }) => timeNs);
    const latencies = group.flatMap(({ latencyNs = [] }) => latencyNs);
    process.stdout.write(
      `  ${label}: ${percent(group, windows)}, ${latencies.length ? `exchange ${median(latencies).toFixed(0)} ns, ` : ""}gradient ${micros(median(times))} (5 to 95 %: ${micros(quantile(times, 0.05))} to ${micros(quantile(times, 0.95))})\n`,
    );
  }
}
process.exit();
