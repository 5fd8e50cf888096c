#!/usr/bin/env node
import { runBench } from "./cli.js";

const stop = new AbortController();
let signals = 0;
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    signals++;
    if (signals > 1) process.exit(130);
    process.stderr.write("\nstopping; once more to quit without results\n");
    stop.abort();
  });
}

const { stdout, stderr } = process;
process.exitCode = await runBench(process.argv.slice(2), { stdout, stderr, signal: stop.signal });
