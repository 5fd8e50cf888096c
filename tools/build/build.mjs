/** Builds what changed since the last time: in silence, unless that takes a while or fails. Exits with 2 if it fails. */
import { spawn } from "node:child_process";

/** Nothing changed takes about a second. */
const SILENT_MS = 3000;

const turbo = spawn("turbo", ["run", "build", "--output-logs=errors-only", "--log-order=grouped"], {
  stdio: ["ignore", "pipe", "pipe"],
});
const output = [];
for (const stream of [turbo.stdout, turbo.stderr]) stream.on("data", (bytes) => output.push(bytes));
const notice = setTimeout(() => process.stderr.write("building what changed …\n"), SILENT_MS);
let isStopped = false;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    isStopped = true;
    turbo.kill(signal);
  });
}
turbo.on("error", ({ message }) => {
  process.stderr.write(`the build tool does not start: ${message}; run pnpm install first\n`);
  process.exit(2);
});
turbo.on("close", (code, signal) => {
  clearTimeout(notice);
  if (code === 0) return;
  process.exitCode = isStopped ? 130 : 2;
  if (isStopped) return;
  process.stderr.write(Buffer.concat(output));
  const how = signal === null ? "see the errors above" : `the build tool was killed by ${signal}`;
  process.stderr.write(`this checkout does not build, ${how}\n`);
});
