#!/usr/bin/env node
import { COMMANDS } from "./cli/commands/index.js";
import { ensureHome } from "./fs/home.js";
import { onLauncherGone } from "./session/launchers.js";

const stop = new AbortController();
let signals = 0;
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    signals++;
    if (signals > 1) process.exit(130);
    process.stderr.write("\nstopping; once more to quit at once\n");
    stop.abort();
  });
}

onLauncherGone((name) => {
  process.stderr.write(`\n${name}, which started this, is gone; stopping\n`);
  stop.abort();
});

// A reader may stop early, as `head` does. The command continues, and its exit code counts.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

// Only now: loading takes a while, in which the kernel would drop an unhandled signal to the first process of a
// container. Libraries also request a home folder while they load.
ensureHome();
const [name, ...argv] = process.argv.slice(2);
const command = Object.entries(COMMANDS).find(([id]) => id === name)?.[1];
const known = `one of ${Object.keys(COMMANDS).join(", ")}`;
if (name === "--help" || name === "-h") {
  process.stdout.write(`a command, ${known}; each has --help\n`);
} else if (name === undefined || !command) {
  const { writeLine } = await import("./terminal/console.js");
  writeLine(process.stderr, `expected a command, ${known}; got ${name ?? "none"}`);
  process.exitCode = 2;
} else {
  const { execute } = await import("./cli/command.js");
  const { stdout, stderr } = process;
  process.exitCode = await execute(name, await command(), argv, { stdout, stderr, signal: stop.signal });
}
