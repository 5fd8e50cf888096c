import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { execute } from "../../dist/cli/command.js";
import { COMMANDS, findCommand } from "../../dist/cli/commands/index.js";
import type { Console } from "../../dist/terminal/console.js";
import { childrenOf, type Ended, type LaunchOptions, launch, MAIN, type Running } from "./process.js";
import { onlyRun } from "./runs.js";

export { childrenOf, type Ended, type LaunchOptions, MAIN, onlyRun, type Running };

export interface StartOptions extends LaunchOptions {
  /** Another checkout's command line. */
  readonly main?: string;
  /** Largest file that may be written, in KiB: what a full disk is to the process. */
  readonly fileSizeLimit?: number;
  /** A folder that the process finds in the place of shared memory, or `none`; only root can do that. */
  readonly sharedMemory?: string | "none";
}

/** A `/dev` that has the usual devices and no `shm`. */
const OTHER_DEVICES = `d=/mnt && mount -t tmpfs tmpfs "$d" && ln -s /proc/self/fd "$d/fd" &&
for f in null zero full random urandom tty; do touch "$d/$f" && mount --bind "/dev/$f" "$d/$f"; done &&
mount --rbind "$d" /dev && ! test -e /dev/shm || exit 99`;

/** Starts the real command line in a process of its own. */
export function start(args: readonly string[], options: StartOptions = {}): Running {
  const { fileSizeLimit, sharedMemory, main = MAIN } = options;
  const command = [process.execPath, main, ...args];
  const first = (script: string) => ["bash", "-c", `${script}; exec "$@"`, "bash", ...command];
  if (fileSizeLimit !== undefined) return spawned(first(`ulimit -f ${fileSizeLimit}`), options);
  if (sharedMemory === undefined) return spawned(command, options);
  const mount = sharedMemory === "none" ? OTHER_DEVICES : `mount --bind ${sharedMemory} /dev/shm`;
  return spawned(["unshare", "--mount", ...first(mount)], options);
}

/** Starts any command, which ends with the test at the latest. */
export function spawned(command: readonly string[], options: LaunchOptions): Running {
  const running = launch(command, options);
  onTestFinished(() => {
    running.child.kill("SIGKILL");
  });
  return running;
}

/** Runs one of the commands to its end. */
export const run = (command: string, args: readonly string[] = [], options?: StartOptions): Promise<Ended> =>
  start([command, ...args], options).ended;

/**
 * Runs one of the commands in this process, as it was built; only workers are processes of their own. For tests of what a
 * command prints, writes and measures: a start of Node for each would make minutes of them.
 */
export async function call(
  command: string,
  args: readonly string[] = [],
  options: Pick<LaunchOptions, "cwd" | "env"> = {},
): Promise<Ended> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const printed = Promise.all([text(stdout), text(stderr)]);
  const typed = findCommand([command, ...args]);
  if (!typed) throw new Error(`there is no command ${command}`);
  const { signal } = new AbortController();
  const streams = { stdout, stderr } as unknown as Pick<Console, "stdout" | "stderr">;
  const definition = await COMMANDS[typed.id]();
  const code = await within(options, () =>
    execute(typed.name, definition, typed.argv, { ...streams, signal }),
  );
  for (const stream of [stdout, stderr]) stream.end();
  const [out, err] = await printed;
  return { code, stdout: out, stderr: err };
}

/** Runs a function while this process is in another folder, and has other variables in its environment. */
export async function within<T>(
  { cwd, env = {} }: Pick<LaunchOptions, "cwd" | "env">,
  use: () => Promise<T>,
): Promise<T> {
  const before = Object.keys(env).map((name) => [name, process.env[name]] as const);
  const folder = process.cwd();
  try {
    Object.assign(process.env, env);
    if (cwd !== undefined) process.chdir(cwd);
    return await use();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    process.chdir(folder);
  }
}

export const bench = (args: readonly string[], options?: StartOptions): Promise<Ended> =>
  run("bench", args, options);

/** A folder that is gone after the test. */
export function temporaryFolder(parent = tmpdir()): string {
  const folder = mkdtempSync(join(parent, "bench-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Process ids of the workers that a bench process has now. */
export const workersOf = ({ child: { pid } }: Running): number[] => childrenOf(pid as number);

/** True if this user may have namespaces of processes and mounts: root, outside a container that forbids it. */
export const canUnshare =
  spawnSync("unshare", ["--pid", "--fork", "--mount-proc", "true"], { stdio: "ignore" }).status === 0;
