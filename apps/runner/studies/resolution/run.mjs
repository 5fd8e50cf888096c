import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { CELLS, FULL_RUNS, folderOf, LOADED_RUNS, REPEATS } from "./cells.mjs";

/** Makes the runs of the study, in turns, so that what drifts over hours drifts in all kinds of them. */

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const [study] = process.argv.slice(2);
if (!study) {
  process.stderr.write("usage: node apps/runner/studies/resolution/run.mjs <folder for the runs>\n");
  process.exit(2);
}

/** One run, unless it is there; a run that was stopped is made again. */
function bench(name, seed, args) {
  const folder = resolve(study, name);
  if (existsSync(folder)) return;
  const out = `${folder}.unfinished`;
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  process.stdout.write(`${new Date().toISOString()} ${name}\n`);
  const { status, stderr } = spawnSync(
    process.execPath,
    [MAIN, "bench", "--seed", String(seed), "--out", out, "--no-provision", ...args],
    { encoding: "utf8", stdio: ["ignore", "ignore", "pipe"] },
  );
  const [run] = readdirSync(out);
  if (!run || status !== 0) throw new Error(`${name} exited ${status}: ${stderr.slice(-500)}`);
  renameSync(join(out, run), folder);
  rmSync(out, { recursive: true });
}

/** Something else that uses one core, until it is told to stop or this process has ended. */
function loadOneCore() {
  const load = spawn(process.execPath, ["-e", "const { ppid } = process; while (process.ppid === ppid);"], {
    stdio: "ignore",
  });
  return () => load.kill("SIGKILL");
}

for (let index = 0; index < FULL_RUNS; index++) {
  bench(folderOf("full", index), index, []);
  if (index < REPEATS) {
    for (const [cell, key] of CELLS.entries()) {
      bench(folderOf(`alone-${folderOf("cell", cell)}`, index), index, ["--cell", key, "--time", "10s"]);
    }
  }
  if (index < LOADED_RUNS) {
    const stop = loadOneCore();
    try {
      bench(folderOf("loaded", index), index, []);
    } finally {
      stop();
    }
  }
}
