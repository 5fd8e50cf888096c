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
  let sweepsForUndecided = 0;
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const { marked, ending, undecided } = findMarked(mark);
    const isLeft = marked.length + ending.length > 0;
    if (!isLeft && (undecided.length === 0 || ++sweepsForUndecided > SWEEPS_FOR_UNDECIDED)) return;
    for (const pid of marked) kill(pid, "SIGKILL");
    await delay(SWEEP_MS);
  }
}

/** Searches that a process without variables is waited for: it may be in the middle of `execve`, or never have any. */
const SWEEPS_FOR_UNDECIDED = 15;

/** How a process stands to a mark; `ending` and `undecided` ones have no variables, now or at all. */
type Relation = "marked" | "ending" | "undecided" | "other";

/** The processes that carry a mark, and those that may, by what they are; none without `/proc`. */
function findMarked(mark: string): Record<Relation, number[]> {
  const found: Record<Relation, number[]> = { marked: [], ending: [], undecided: [], other: [] };
  try {
    for (const pid of readdirSync("/proc").map(Number)) {
      if (pid > 0 && pid !== process.pid) found[relationOf(pid, mark)].push(pid);
    }
  } catch {
    // There is no /proc.
  }
  return found;
}

function relationOf(pid: number, mark: string): Relation {
  try {
    const variables = variablesOf(pid);
    if (variables.length === 0) return relationWithoutVariables(pid);
    const isMarked = variables.some((text) => text.startsWith(`${MARK}=`) && text.includes(mark));
    return isMarked ? "marked" : "other";
  } catch {
    // It is gone, or another user's.
    return "other";
  }
}

/** The variables of a process, such as `PATH=/bin`; none while it is replaced by another program, while it ends, and after that. */
function variablesOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").filter(Boolean);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return [];
    throw error;
  }
}

/** Flags of threads of the kernel and of processes that give their memory back (`PF_…` in Linux's `sched.h`). */
const [KERNEL_THREAD, EXITING] = [0x00200000, 0x00000004];

/** @throws Error if it is gone */
function relationWithoutVariables(pid: number): Relation {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const [state = "", , , , , , flags = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (state === "Z" || state === "X" || (Number(flags) & KERNEL_THREAD) !== 0) return "other";
  return (Number(flags) & EXITING) !== 0 ? "ending" : "undecided";
}

function kill(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone.
  }
}
