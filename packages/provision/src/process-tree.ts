import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** The end of a process. */
export interface Ending {
  readonly code: number | null;
  /** The signal that ended it, if one did. */
  readonly killedBy: NodeJS.Signals | null;
}

export interface TreeOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdio: StdioOptions;
  /** Ends the process and all processes that it started. */
  readonly signal: AbortSignal;
  /** Receives the process as soon as it exists. */
  readonly onStart?: (child: ChildProcess) => void;
}

/**
 * A variable that every descendant inherits, even outside the process group. It identifies them, nested trees
 * included.
 */
const MARK = "SOFTMAX_BENCH_PROCESS_TREE";

/** Time that a process may take to end after SIGTERM, in milliseconds. */
const GRACE_MS = 2000;
/** Interval between searches for survivors, and their number. */
const SWEEP_MS = 20;
const SWEEPS = 100;

/**
 * Runs a command in a process group of its own, to its end. No process that it started outlives it, whether it ends by
 * itself or is stopped: descendants are killed, also those that ignore SIGTERM or are in other process groups.
 *
 * @throws the signal's reason, once all processes are gone, if it aborts; Error if the command cannot be started
 */
export async function runTree(
  [file = "", ...args]: readonly string[],
  options: TreeOptions,
): Promise<Ending> {
  const { cwd, env, stdio, signal, onStart } = options;
  signal.throwIfAborted();
  const mark = randomUUID();
  const marks = `${process.env[MARK] ?? ""} ${mark}`;
  const child = spawn(file, args, {
    cwd,
    env: { ...process.env, ...env, [MARK]: marks },
    stdio,
    detached: true,
  });
  onStart?.(child);
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, killedBy) => resolve({ code, killedBy }));
  });
  const endAll = () => {
    signalGroup(child, "SIGKILL");
    return killMarked(mark);
  };
  const stop = () => {
    signalGroup(child, "SIGTERM");
    void delay(GRACE_MS, undefined, { ref: false }).then(() => endAll());
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    const ending = await ended;
    await endAll();
    // A descendant without the mark may hold the pipes open.
    await Promise.race([closed, delay(GRACE_MS, undefined, { ref: false })]);
    signal.throwIfAborted();
    return ending;
  } finally {
    signal.removeEventListener("abort", stop);
    for (const stream of child.stdio) stream?.destroy();
  }
}

function signalGroup({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid !== undefined) kill(-pid, name);
}

/** Kills processes that carry a mark, repeatedly until none is left: one may be starting another. */
async function killMarked(mark: string): Promise<void> {
  let undecidedSweeps = 0;
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const { marked, undecided } = findMarked(mark);
    if (marked.length === 0 && (undecided.length === 0 || ++undecidedSweeps > UNDECIDED_SWEEPS)) return;
    for (const pid of marked) kill(pid, "SIGKILL");
    await delay(SWEEP_MS);
  }
}

/** Searches that a process without variables is waited for: it may be in the middle of `execve`, or never have any. */
const UNDECIDED_SWEEPS = 15;

/** Processes that carry a mark, and those that may; none without `/proc`. */
function findMarked(mark: string): { readonly marked: number[]; readonly undecided: number[] } {
  const [marked, undecided]: [number[], number[]] = [[], []];
  try {
    for (const pid of readdirSync("/proc").map(Number)) {
      if (!(pid > 0) || pid === process.pid) continue;
      const carriesMark = carries(pid, mark);
      if (carriesMark) marked.push(pid);
      else if (carriesMark === undefined) undecided.push(pid);
    }
  } catch {
    // There is no /proc.
  }
  return { marked, undecided };
}

/** True if a process carries a mark; undefined for a program without variables, as one is while it is replaced by another. */
function carries(pid: number, mark: string): boolean | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/environ`, "latin1");
    if (text === "") return isProgram(pid) ? undefined : false;
    return text.split("\0").some((variable) => variable.startsWith(`${MARK}=`) && variable.includes(mark));
  } catch {
    // It is gone, or another user's.
    return false;
  }
}

/** The flag of a thread of the kernel (`PF_KTHREAD` in Linux's `sched.h`). */
const KERNEL_THREAD = 0x00200000;

/** False for a thread of the kernel, and for a process that has ended. */
function isProgram(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const [state = "", , , , , , flags = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state !== "Z" && state !== "X" && (Number(flags) & KERNEL_THREAD) === 0;
}

function kill(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone.
  }
}
