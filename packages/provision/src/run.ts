import { stripVTControlCharacters } from "node:util";
import { runTree } from "./process-tree.js";

export interface RunOptions {
  readonly signal: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  /** True to keep its stdout for the error instead of showing it: a compiler writes its errors there. */
  readonly quiet?: boolean;
  /** The folder that it runs in; the current one if absent. */
  readonly cwd?: string;
}

/** A command that failed. */
export class CommandError extends Error {
  /** False if there is no such command. */
  readonly found: boolean;
  /** The end of its output. */
  readonly output: string;

  constructor(message: string, { found = true, output = "" } = {}) {
    super(message);
    this.found = found;
    this.output = output;
  }
}

/**
 * Runs a command to its end, and ends all processes that it started. Its stdout, e.g. a progress bar, is copied to our
 * stderr, unless it is quiet.
 *
 * @throws CommandError if it does not exist, fails or is killed; the signal's reason, once it has ended, if aborted
 */
export async function run(
  command: string,
  args: readonly string[],
  { signal, env, quiet = false, cwd }: RunOptions,
): Promise<void> {
  let output = "";
  try {
    const { code, killedBy } = await runTree([command, ...args], {
      signal,
      ...(env ? { env } : {}),
      ...(cwd ? { cwd } : {}),
      stdio: ["ignore", quiet ? "pipe" : 2, "pipe"],
      onStart: ({ stdout, stderr }) => {
        for (const stream of [stdout, stderr]) {
          stream?.setEncoding("utf8").on("data", (text: string) => {
            output = (output + text).slice(-KEPT_OUTPUT);
          });
        }
      },
    });
    if (code === 0) return;
    const how = killedBy ? `was killed by ${killedBy}` : `exited with ${code}`;
    throw new CommandError(decisiveLine(output) || `${command} ${how}`, { output });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new CommandError(`there is no command ${command}`, { found: false });
  }
}

/**
 * Returns what a command prints to stdout, such as its version. All processes that it started end with it.
 *
 * @throws CommandError if it fails, or takes too long; Error if it cannot be started
 */
export async function readOutput(command: readonly string[], timeoutMs: number): Promise<string> {
  const [printed, errors]: [string[], string[]] = [[], []];
  try {
    const { code, killedBy } = await runTree(command, {
      signal: AbortSignal.timeout(timeoutMs),
      stdio: ["ignore", "pipe", "pipe"],
      onStart: ({ stdout, stderr }) => {
        stdout?.setEncoding("utf8").on("data", (text: string) => printed.push(text));
        stderr?.setEncoding("utf8").on("data", (text: string) => errors.push(text));
      },
    });
    if (code === 0) return printed.join("");
    const how = killedBy ? `was killed by ${killedBy}` : `exited with ${code}`;
    throw new CommandError(decisiveLine(errors.join("")) || `it ${how}`);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    throw new CommandError(`no answer after ${timeoutMs / 1000} s`);
  }
}

const KEPT_OUTPUT = 200_000;

/** Lines in which package managers and turbo report that something failed, but not what. */
const SUMMARY =
  /run failed: command|command finished with error|ELIFECYCLE|^Node\.js v\d|exited \(\d+\)|^npm error (?:code \w+$|A complete log|For a full report)|^npm (?:error|notice)$/;

/** The first line that is marked as an error, as by compilers and runtimes, otherwise the last line with content. */
export function decisiveLine(output: string): string {
  const lines = stripVTControlCharacters(output)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line && !SUMMARY.test(line));
  // npm says first what is wrong, and explains its command last.
  return lines.find((line) => /error(?: TS\d+)?:|^npm error /i.test(line)) ?? lines.at(-1) ?? "";
}
