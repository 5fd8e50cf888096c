#!/usr/bin/env node
import { COMMANDS, FIRST_WORDS, findCommand } from "./cli/commands/index.js";
import { ensureHome } from "./fs/home.js";
import { onLauncherGone } from "./session/launcher-gone.js";

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
const words = process.argv.slice(2);
const [name, ...argv] = words;
const typed = findCommand(words);
const { stdout, stderr } = process;
const console = {
  stdout,
  stderr,
  get stdin() {
    return process.stdin;
  },
  signal: stop.signal,
};
if (typed) {
  const { execute } = await import("./cli/command.js");
  process.exitCode = await execute(typed.name, await COMMANDS[typed.id](), typed.argv, console);
} else if (name === "complete" && argv[0] === "--") {
  const { execute } = await import("./cli/command.js");
  const { printCompletions } = await import("./cli/print-completions.js");
  process.exitCode = await execute(name, printCompletions, argv.slice(1), console);
} else if (name === "--version" || name === "-V") {
  const { VERSION } = await import("./run/machine/environment.js");
  process.stdout.write(`${VERSION}\n`);
} else {
  const { commandsOf, groupHelp, topLevelHelp } = await import("./cli/help.js");
  const group = FIRST_WORDS.find((word) => word === name);
  const wanted = group ? argv[0] : name;
  if (wanted === undefined || wanted === "--help" || wanted === "-h") {
    (wanted === undefined ? stderr : stdout).write(group ? groupHelp(group) : topLevelHelp());
    if (wanted === undefined) process.exitCode = 2;
  } else {
    const { unknownValue } = await import("./plan/unknown-value.js");
    const { writeLine } = await import("./terminal/console.js");
    const unknown = group ? `${group} ${wanted}` : wanted;
    writeLine(stderr, unknownValue("command", unknown, group ? commandsOf(group) : FIRST_WORDS).message);
    process.exitCode = 2;
  }
}
