import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { callsForMore, DEFAULT_LIMITS } from "@softmax-bench/regression";
import { REPOSITORY_ROOT } from "../../dist/fs/repository.js";
import { countIn, listIn } from "../../dist/gate/checkout.js";
import { COUNTED } from "../../dist/gate/instructions.js";
import { toPatience } from "../../dist/gate/patience.js";
import { injectedCheckout } from "../../dist/gate/validation/injected-checkout.js";
import { describeEnvironment } from "../../dist/run/machine/environment.js";

/**
 * Counts the default cells of `gate --instructions` in processes of this checkout and of a copy with 1 % more work, and again, alone,
 * as further looks of a gate do, those whose processes differ.
 */

const [folder, growthText = "0.01", processesText = "8", changedText = "4", againText = "20"] =
  process.argv.slice(2);
if (!folder) {
  process.stderr.write(
    "usage: node run.mjs <folder> [<growth>] [<processes>] [<processes with more work>] [<processes of cells that differ>]\n",
  );
  process.exit(2);
}
const growth = Number(growthText);
const out = resolve(folder);
mkdirSync(out, { recursive: true });
const { signal } = new AbortController();
const options = { patience: toPatience(), signal };
const here = { name: "this checkout", folder: REPOSITORY_ROOT };

const read = (name) => JSON.parse(readFileSync(join(out, `${name}.json`), "utf8"));

/** One process's counts, unless they are there. */
async function count(name, checkout, cells) {
  try {
    return read(name);
  } catch {
    const begun = performance.now();
    const counted = await countIn(checkout, cells, options);
    const text = { ...counted, seconds: (performance.now() - begun) / 1000 };
    writeFileSync(join(out, `${name}.json`), JSON.stringify(text));
    process.stdout.write(`${new Date().toISOString()} ${name}: ${Math.round(text.seconds)} s\n`);
    return text;
  }
}

const cells = [];
for (const [backend, workloads] of COUNTED) {
  const flags = ["--profile", "gate", "--backend", backend, "--workload", workloads.join(",")];
  cells.push(...(await listIn(here, flags, options)));
}
const first = await count("same-0", here, cells);
const known = first.cells.filter(({ status }) => status === "ok");

/** Calls per count that a round of `spin` takes: from a cell with very many. */
const CALIBRATION_ROUNDS = 100_000;
const [probe] = known.filter(({ cell }) => cell === "wasm-simd manual/fused float32 16x10");
const keyOf = ({ cell }) => cell;
/** Counts in a copy of the checkout with rounds of arithmetic after each gradient. */
async function withRounds(name, roundsOf, use) {
  const copy = injectedCheckout(name, { rounds: roundsOf });
  try {
    return await use(copy);
  } finally {
    copy[Symbol.dispose]();
  }
}

const [spinning] = await withRounds(
  "calibration",
  { [keyOf(probe)]: CALIBRATION_ROUNDS },
  async (copy) => (await count("calibration", copy, [keyOf(probe)])).cells,
);
const perRound = (spinning.instructions - probe.instructions) / CALIBRATION_ROUNDS;
process.stdout.write(`a round takes ${perRound.toFixed(2)} instructions\n`);
const rounds = Object.fromEntries(
  known.map((cell) => [keyOf(cell), Math.max(1, Math.round((growth * cell.instructions) / perRound))]),
);
await withRounds(`${growth} more work`, rounds, async (copy) => {
  const [unchanged, changed, again] = [processesText, changedText, againText].map(Number);
  // Counts do not depend on what else runs: two at a time.
  for (let index = 0; index < Math.max(unchanged, changed); index++) {
    await Promise.all([
      index < unchanged && count(`same-${index}`, here, cells),
      index < changed && count(`more-${index}`, copy, known.map(keyOf)),
    ]);
  }
  const processes = Array.from({ length: unchanged }, (_, index) => read(`same-${index}`));
  const differing = known.map(keyOf).filter((key) => differs(processes, key));
  if (differing.length === 0) return;
  for (let index = 0; index < again; index++) {
    await Promise.all([
      count(`again-same-${index}`, here, differing),
      count(`again-more-${index}`, copy, differing),
    ]);
  }
});

/** Everything that was counted, as `tables.mjs` reads it and docs/runs keeps it. */
const KINDS = ["same", "more", "again-same", "again-more"];
const names = readdirSync(out).filter((name) => KINDS.includes(name.replace(/-\d+\.json$/, "")));
const processes = names.map((name) => ({
  name: name.replace(/\.json$/, ""),
  ...read(name.replace(/\.json$/, "")),
}));
const countsOf = (kind, key) =>
  processes
    .filter(({ name }) => name.replace(/-\d+$/, "") === kind)
    .flatMap((one) => one.cells.find(({ cell }) => cell === key)?.instructions ?? []);
const { cpu, cores, node } = describeEnvironment();
const kept = {
  date: new Date().toISOString().slice(0, 10),
  machine: `${cores} cores of ${cpu}`,
  node,
  simulator: processes[0].simulator,
  growth,
  seconds: Object.fromEntries(processes.map(({ name, seconds }) => [name, Math.round(seconds)])),
  cells: Object.fromEntries(
    known.map(({ cell }) => [cell, Object.fromEntries(KINDS.map((kind) => [kind, countsOf(kind, cell)]))]),
  ),
};
writeFileSync(join(out, "counts.json"), JSON.stringify(kept));

/** True if two processes differ so much that a gate would look again. */
function differs(processes, key) {
  const counts = processes.map((one) => one.cells.find(({ cell }) => cell === key)?.instructions);
  return callsForMore({ baseline: [Math.min(...counts)], candidate: [Math.max(...counts)] }, DEFAULT_LIMITS);
}
