#!/usr/bin/env node
import { COMMAND_IDS, COMMANDS, isCommand } from "./cli/commands/index.js";
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
const { stdout, stderr } = process;
const console = { stdout, stderr, signal: stop.signal };
if (isCommand(name)) {
  const { execute } = await import("./cli/command.js");
  process.exitCode = await execute(name, await COMMANDS[name](), argv, console);
} else if (name === "complete" && argv[0] === "--") {
  const { execute } = await import("./cli/command.js");
  const { printCompletions } = await import("./cli/print-completions.js");
  process.exitCode = await execute(name, printCompletions, argv.slice(1), console);
} else if (name === "--version" || name === "-V") {
  const { VERSION } = await import("./run/machine/environment.js");
  process.stdout.write(`${VERSION}\n`);
} else if (name === "--help" || name === "-h" || name === undefined) {
  const { topLevelHelp } = await import("./cli/help.js");
  (name === undefined ? process.stderr : process.stdout).write(topLevelHelp());
  if (name === undefined) process.exitCode = 2;
} else {
  const { unknownValue } = await import("./plan/unknown-value.js");
  const { writeLine } = await import("./terminal/console.js");
  writeLine(process.stderr, unknownValue("command", name, COMMAND_IDS).message);
  process.exitCode = 2;
}
