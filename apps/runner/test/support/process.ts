import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The built command line. */
export const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when stderr contains the text. */
  says(text: string): Promise<void>;
}

export interface LaunchOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Give it a process group of its own. */
  readonly ownGroup?: boolean;
}

/** Starts a command; nothing ends it but itself. */
export function launch(
  [file, ...args]: readonly string[],
  { cwd, env, ownGroup = false }: LaunchOptions,
): Running {
  const child = spawn(file as string, args, {
    ...(cwd ? { cwd } : {}),
    env: { ...process.env, ...env },
    detached: ownGroup,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  const waiting = new Set<{ text: string; resolve: () => void }>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    for (const waiter of waiting) {
      if (stderr.includes(waiter.text)) waiter.resolve();
    }
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject).on("close", (code) => resolve({ code, stdout, stderr }));
  });
  return {
    child,
    ended,
    says: (text) =>
      new Promise((resolve, reject) => {
        if (stderr.includes(text)) return resolve();
        waiting.add({ text, resolve });
        void ended.then(() => reject(new Error(`ended without saying ${JSON.stringify(text)}: ${stderr}`)));
      }),
  };
}

export function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return children.split(" ").filter(Boolean).map(Number);
}

/** Processes, other than zombies, that have a variable in their environment: all that come of a command with a mark. */
export const processesWith = (variable: string): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(variable);
      } catch {
        return false;
      }
    })
    .map(Number);

/** All processes that come of one, as far as their parents are still there. */
export function descendantsOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const parent = parentOf(Number(pid));
    if (parent !== undefined) parents.set(Number(pid), parent);
  }
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent === root || (parent !== undefined && isBelow(parent));
  };
  return [...parents.keys()].filter(isBelow);
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name of the program, in parentheses, may hold anything.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined;
  }
}

/** The command line of a process; empty if it is gone. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** True if a process exists and is not a zombie. */
export const isRunning = (pid: number): boolean => commandOf(pid) !== "";
