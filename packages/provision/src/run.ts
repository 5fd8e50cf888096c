import { spawn } from "node:child_process";

export interface RunOptions {
  readonly signal: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
}

/** A command that failed, with what it said last. */
export class CommandError extends Error {
  /** False: there is no such command. */
  readonly found: boolean;

  constructor(message: string, found = true) {
    super(message);
    this.found = found;
  }
}

/**
 * Runs a command to its end. What it writes to stdout – a progress bar, say – goes to our stderr.
 *
 * @throws CommandError if it does not exist, fails or is killed; the signal's reason, once it has ended, if aborted
 */
export function run(command: string, args: readonly string[], { signal, env }: RunOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    let failure: Error | undefined;
    const child = spawn(command, args, {
      signal,
      env: { ...process.env, ...env },
      stdio: ["ignore", 2, "pipe"],
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-KEPT_OUTPUT);
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      failure = error.code === "ENOENT" ? new CommandError(`there is no command ${command}`, false) : error;
    });
    // Even when it is to stop: until it is gone it may go on writing files.
    child.on("close", (code, killedBy) => {
      if (failure) reject(failure);
      else if (code === 0) resolve();
      else reject(new CommandError(decisiveLine(said) || `${command} ${killedBy ?? `exited with ${code}`}`));
    });
  });
}

const KEPT_OUTPUT = 20_000;

/** The first line that calls itself an error, else the last one. */
function decisiveLine(output: string): string {
  const lines = output.split("\n").map((line) => line.trim());
  return lines.find((line) => /\berror:/i.test(line)) ?? lines.findLast(Boolean) ?? "";
}
