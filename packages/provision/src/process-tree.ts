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
  const tree: Tree = { mark, group: child.pid, seen: new Set() };
  const endAll = () => {
    signalGroup(child, "SIGKILL");
    return killTree(tree);
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

/** The processes that a command started. */
interface Tree {
  readonly mark: string;
  /** Id of the process group of the command itself; undefined if it did not start. */
  readonly group: number | undefined;
  /** Processes that were seen with the mark. */
  readonly seen: Set<number>;
}

/** Kills the processes of a tree, repeatedly until none is left: one may be starting another. */
async function killTree(tree: Tree): Promise<void> {
  let sweepsForUndecided = 0;
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const { marked, ending, undecided } = findProcesses(tree);
    const isLeft = marked.length + ending.length > 0;
    if (!isLeft && (undecided.length === 0 || ++sweepsForUndecided > SWEEPS_FOR_UNDECIDED)) return;
    for (const pid of marked) {
      tree.seen.add(pid);
      kill(pid, "SIGKILL");
    }
    await delay(SWEEP_MS);
  }
}

/** Searches that a process without variables is waited for: it may be in the middle of `execve`, or never have any. */
const SWEEPS_FOR_UNDECIDED = 15;

/** The relation of a process to a tree: it carries the mark, belongs to the tree and is ending, may belong to it, or does not. */
type Relation = "marked" | "ending" | "undecided" | "other";

/** All processes by their relation to a tree; none without `/proc`. */
function findProcesses(tree: Tree): Record<Relation, number[]> {
  const found: Record<Relation, number[]> = { marked: [], ending: [], undecided: [], other: [] };
  try {
    for (const pid of readdirSync("/proc").map(Number)) {
      if (pid > 0 && pid !== process.pid) found[relationOf(pid, tree)].push(pid);
    }
  } catch {
    // There is no /proc.
  }
  return found;
}

function relationOf(pid: number, tree: Tree): Relation {
  try {
    const variables = variablesOf(pid);
    if (variables.length === 0) return relationWithoutVariables(pid, tree);
    const isMarked = variables.some((text) => text.startsWith(`${MARK}=`) && text.includes(tree.mark));
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

/** The flag of a thread of the kernel (`PF_KTHREAD` in Linux's `sched.h`). */
const KERNEL_THREAD = 0x00200000;

/**
 * A process that is killed gives its memory back first, which takes time; its main thread may end before the last of its
 * others does.
 *
 * @throws Error if it is gone
 */
function relationWithoutVariables(pid: number, { group, seen }: Tree): Relation {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // From the third field of `man proc_pid_stat` on.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, processGroup, flags, threads] = [
    fields[0],
    Number(fields[2]),
    Number(fields[6]),
    Number(fields[17]),
  ];
  const hasEnded = state === "X" || (state === "Z" && threads <= 1);
  if (hasEnded || (flags & KERNEL_THREAD) !== 0) return "other";
  return processGroup === group || seen.has(pid) ? "ending" : "undecided";
}

function kill(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone.
  }
}
