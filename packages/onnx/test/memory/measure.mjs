// Measures memory and time of a step of training, with and without checkpoints, in turns of processes.
// Usage: node measure.mjs <rounds> <model.onnx>…; it prints rows of the table in docs/onnx.md.
import { execFileSync } from "node:child_process";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

const STEPS = 3;
const script = fileURLToPath(new URL("step.mjs", import.meta.url));
const [rounds, ...files] = process.argv.slice(2);

function run(file, checkpoints) {
  const args = ["--expose-gc", script, file, String(STEPS), ...checkpoints];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
}

const least = (of) => Math.min(...of);
for (const file of files) {
  const results = Array.from({ length: Number(rounds) }, () => [
    run(file, []),
    run(file, ["--checkpoint", "auto"]),
  ]);
  const [plain, kept] = [0, 1].map((which) => results.map((pair) => pair[which]));
  const peaks = [plain, kept].map((of) => least(of.map(({ peak }) => peak)));
  // The first step is slower.
  const times = [plain, kept].map((of) => least(of.flatMap(({ milliseconds }) => milliseconds.slice(1))));
  const cells = [
    basename(file, ".onnx"),
    kept[0].checkpoints.length,
    ...peaks.map((peak) => `${peak.toFixed(0)} MB`),
    (peaks[1] / peaks[0]).toFixed(2),
    ...times.map((time) => `${time.toFixed(0)} ms`),
    (times[1] / times[0]).toFixed(2),
    plain[0].digest === kept[0].digest ? "same" : "other",
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
