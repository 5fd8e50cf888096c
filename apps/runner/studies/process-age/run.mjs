import { findWorkload, generateInputs } from "@softmax-bench/core";
import { CURRENT_RUNTIME, Exchange, javascriptWorker, ProcessHost } from "@softmax-bench/host-node";
import { inputArrays, PROTOCOL_VERSION } from "@softmax-bench/measure";
import { median } from "@softmax-bench/stats";
import { BACKENDS_MODULE, loadBackend } from "../../dist/plan/load-backends.js";
import { PROFILES } from "../../dist/plan/profiles.js";

/** Times of one cell by how long its process has sampled before: that cell, or another one. */

const processes = Number(process.argv[2] ?? 3);
const TIMEOUT_MS = 60_000;
const THREADS = 2;
/** Seconds of sampling in each process, and those of another cell before it. */
const [SECONDS, SECONDS_BEFORE] = [6, 2];
const AGES = [0, 0.5, 1, 1.5, 2, 3, 4];

const CELLS = [
  ["wasm-simd", "manual/fused", "cifar-head"],
  ["wasm-simd", "manual/fused", "imagenet-head"],
  ["onnxruntime-cpu", "manual/fused", "cifar-head"],
  ["onnxruntime-web", "manual/fused", "cifar-head"],
  ["tfjs-wasm", "manual/fused", "cifar-head"],
  ["tfjs-wasm", "manual/shifted", "imagenet-head"],
];
/** Another cell of the same backend. */
const otherOf = ([backend, , workload]) => [
  backend,
  "manual/shifted",
  workload === "cifar-head" ? "imagenet-head" : "cifar-head",
];

const { gradient, other } = PROFILES.default.limits;
const SAMPLING = {
  phases: "gradient",
  singleShots: 1,
  limits: { gradient: { ...gradient, warmUpNs: 0 }, other },
};
const exchange = new Exchange((line) => process.stderr.write(`${line}\n`));
const host = new ProcessHost("node", {
  command: javascriptWorker(CURRENT_RUNTIME, BACKENDS_MODULE),
  exchange,
});

/** Measures a cell again and again for some seconds of sampling: its times, and the seconds before each. */
async function visit(connection, [, method, workloadId], seconds) {
  const workload = findWorkload(workloadId);
  const { rows, classes } = workload;
  const visits = [];
  for (let age = 0; age < seconds; ) {
    host.holdInputs({
      id: workloadId,
      make: () => inputArrays(generateInputs(workload, "float32", 1)),
    });
    const { reply } = await connection.request(
      {
        type: "run",
        method,
        dtype: "float32",
        rows,
        classes,
        inputs: workloadId,
        sets: 1,
        digestOnly: true,
        sampling: SAMPLING,
      },
      TIMEOUT_MS,
    );
    if (reply?.type !== "computed") throw new Error(JSON.stringify(reply));
    const { steadiness, windowsNs, disturbedNs } = reply.sampling;
    const isClean = steadiness.gradient === "settled" && disturbedNs < windowsNs / 2;
    if (isClean) visits.push({ age, time: median(reply.samples.gradient) });
    age += windowsNs / 1e9;
  }
  return visits;
}

async function inFreshProcess(backend, work) {
  const environment = await (await loadBackend(backend))?.environment?.();
  const connection = host.connect({ ...environment });
  try {
    await connection.request(
      { type: "open", protocol: PROTOCOL_VERSION, backend, threads: THREADS },
      TIMEOUT_MS,
    );
    return await work(connection);
  } finally {
    connection.kill();
  }
}

/** The times relative to those at the end, by age; those without a settled visit are left out. */
function relativeTimes(visits) {
  const last = median(visits.filter(({ age }) => age >= AGES.at(-1)).map(({ time }) => time));
  return AGES.slice(0, -1).map((from, index) => {
    const times = visits.filter(({ age }) => age >= from && age < AGES[index + 1]).map(({ time }) => time);
    return times.length > 0 ? median(times) / last : undefined;
  });
}

const format = (ratios) => {
  const known = ratios.filter((ratio) => ratio !== undefined);
  return known.length > 0 ? known.map((ratio) => ratio.toFixed(2)).join(" ") : "–";
};
const columns = AGES.slice(0, -1).map((from, index) => `${from} to ${AGES[index + 1]} s`);
const write = (cells) => process.stdout.write(`| ${cells.join(" | ")} |\n`);
write(["cell, float32", ...columns, `0 to 0.5 s, after ${SECONDS_BEFORE} s of another cell`]);
write(["---", ...columns.map(() => "---"), "---"]);
for (const cell of CELLS) {
  const [alone, after] = [[], []];
  for (let count = 0; count < processes; count++) {
    alone.push(
      relativeTimes(await inFreshProcess(cell[0], (connection) => visit(connection, cell, SECONDS))),
    );
    const following = await inFreshProcess(cell[0], async (connection) => {
      await visit(connection, otherOf(cell), SECONDS_BEFORE);
      return visit(connection, cell, SECONDS);
    });
    after.push(relativeTimes(following)[0]);
  }
  write([
    cell.join(" "),
    ...columns.map((_, index) => format(alone.map((ratios) => ratios[index]))),
    format(after),
  ]);
}
exchange[Symbol.dispose]();
