import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { REPOSITORY_ROOT } from "../../dist/fs/repository.js";
import { countIn, listIn } from "../../dist/gate/checkout.js";
import { COUNTED } from "../../dist/gate/instructions.js";
import { toPatience } from "../../dist/gate/patience.js";
import { injectedCheckout } from "../../dist/gate/validation/injected-checkout.js";

/** Counts the default cells of `gate --instructions` in processes of this checkout and of a copy with 1 % more work. */

const [folder, growthText = "0.01", processesText = "8", changedText = "4"] = process.argv.slice(2);
if (!folder) {
  process.stderr.write(
    "usage: node run.mjs <folder> [<growth>] [<processes>] [<processes with more work>]\n",
  );
  process.exit(2);
}
const growth = Number(growthText);
const out = resolve(folder);
mkdirSync(out, { recursive: true });
const { signal } = new AbortController();
const options = { patience: toPatience(), signal };
const here = { name: "this checkout", folder: REPOSITORY_ROOT };

/** One process's counts, unless they are there. */
async function count(name, checkout, cells) {
  const file = join(out, `${name}.json`);
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    const begun = performance.now();
    const counted = await countIn(checkout, cells, options);
    const text = { ...counted, seconds: (performance.now() - begun) / 1000 };
    writeFileSync(file, JSON.stringify(text));
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
  const [unchanged, changed] = [Number(processesText), Number(changedText)];
  for (let index = 0; index < Math.max(unchanged, changed); index++) {
    if (index < unchanged) await count(`same-${index}`, here, cells);
    if (index < changed) await count(`more-${index}`, copy, known.map(keyOf));
  }
});
