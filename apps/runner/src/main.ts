#!/usr/bin/env node
import { ensureHome } from "./home.js";
import { onLauncherGone } from "./launchers.js";

/**
 * Commands, loaded when they are run. Loading takes half a second, in which signals need their handlers already: the kernel
 * drops a signal to the first process of a container that does not handle it.
 */
const COMMANDS = {
  bench: async () => (await import("./commands/bench.js")).bench,
  merge: async () => (await import("./commands/merge.js")).merge,
  report: async () => (await import("./commands/report.js")).report,
  compare: async () => (await import("./commands/compare.js")).compare,
  gate: async () => (await import("./commands/gate.js")).gate,
  "validate-gate": async () => (await import("./commands/validate-gate.js")).validateGate,
  history: async () => (await import("./commands/history.js")).history,
  precision: async () => (await import("./commands/precision.js")).precision,
  depth: async () => (await import("./commands/depth.js")).depth,
  scaling: async () => (await import("./commands/scaling.js")).scaling,
  limit: async () => (await import("./commands/limit.js")).limit,
  gradcheck: async () => (await import("./commands/gradcheck.js")).gradcheck,
  gradient: async () => (await import("./commands/gradient.js")).gradient,
  export: async () => (await import("./commands/export.js")).exportModel,
  doctor: async () => (await import("./commands/doctor.js")).doctor,
  provision: async () => (await import("./commands/provision.js")).provision,
};

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

// Who reads may stop, as `head` does; what was begun goes on, and its exit code counts.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

const [name, ...argv] = process.argv.slice(2);
const load = Object.entries(COMMANDS).find(([id]) => id === name)?.[1];
const known = `one of ${Object.keys(COMMANDS).join(", ")}`;
if (name === "--help" || name === "-h") {
  process.stdout.write(`a command, ${known}; each has --help\n`);
} else if (name === undefined || !load) {
  const { writeLine } = await import("./console.js");
  writeLine(process.stderr, `expected a command, ${known}; got ${name ?? "none"}`);
  process.exitCode = 2;
} else {
  const { stdout, stderr } = process;
  ensureHome();
  const [{ execute }, command] = await Promise.all([import("./commands/command.js"), load()]);
  process.exitCode = await execute(name, command, argv, { stdout, stderr, signal: stop.signal });
}
