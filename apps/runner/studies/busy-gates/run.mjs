import { spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { BusyCore } from "../../dist/gate/validation/curve/busy-core.js";

/** Gates of this commit against itself while another program keeps one core busy: a line of `gates.jsonl` for each. Started again, it goes on. */

const [folder, countText = "50", ...flags] = process.argv.slice(2);
if (!folder) {
  process.stderr.write("usage: node run.mjs <folder> [<gates> [<flag of pnpm gate>...]]\n");
  process.exit(2);
}
const out = resolve(folder);
mkdirSync(out, { recursive: true });
const journal = join(out, "gates.jsonl");
const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const selection = flags.length > 0 ? flags : ["--backend", "tfjs-wasm", "--workload", "cifar-head"];

const run = (args) =>
  new Promise((done) => {
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "ignore", "inherit"] });
    child.on("close", (code) => done(code));
  });

const linesOf = (file) => (existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : []);

// It ends with this process.
new BusyCore();
for (let gate = linesOf(journal).length; gate < Number(countText); gate++) {
  const at = join(out, `gate-${gate}`);
  const begun = performance.now();
  const exitCode = await run([
    "gate",
    "--baseline",
    "HEAD",
    ...selection,
    "--seed",
    String(gate),
    "--out",
    at,
  ]);
  const written = join(at, readdirSync(at).at(-1));
  const summary = readFileSync(join(written, "summary.md"), "utf8");
  const { outcome } = JSON.parse(readFileSync(join(written, "outcome.json"), "utf8"));
  const line = {
    gate,
    finishedAt: new Date().toISOString(),
    seconds: Math.round((performance.now() - begun) / 1000),
    exitCode,
    outcome,
    verdicts: /\d+ cells compared: [^.]*/.exec(summary)?.[0],
    busy: /.*(?:other programs|speed varied).*/.exec(summary)?.[0],
  };
  appendFileSync(journal, `${JSON.stringify(line)}\n`);
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
