import { Command, CommanderError } from "commander";
import type { Console } from "../console.js";
import { EXIT, UsageError } from "../errors.js";

/** A command whose errors are ours to print. */
export const newCommand = (name: string): Command =>
  new Command(name)
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ outputError: () => {} });

/** Runs a command and returns its exit code; a mistake of the user's is one line. */
export async function execute(
  name: string,
  run: (argv: readonly string[], console: Console) => Promise<number>,
  argv: readonly string[],
  console: Console,
): Promise<number> {
  try {
    return await run(argv, console);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    const known = error instanceof CommanderError || error instanceof UsageError;
    const text = error instanceof Error ? (known ? error.message : error.stack) : String(error);
    console.stderr.write(`${name}: ${known ? text?.replace(/^error: /, "").replaceAll("\n", " ") : text}\n`);
    return EXIT.usage;
  }
}
