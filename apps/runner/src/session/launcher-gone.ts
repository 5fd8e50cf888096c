import { readFileSync } from "node:fs";
import { basename } from "node:path";

/**
 * The processes that only started this one and wait for it: `npx`, `pnpm` and the shells in which they run scripts.
 * `npx` does not forward SIGTERM. It ends, but its child processes go on. This process can see only that one of those
 * processes has a new parent.
 */

interface Launcher {
  readonly pid: number;
  readonly parent: number;
  /** `npm exec pnpm bench` or `sh -c …`, one entry per word. */
  readonly words: readonly string[];
}

/** Interval between checks of the launchers, in milliseconds. */
const INTERVAL_MS = 500;

/** Calls back once when a process that started this one is gone, at once if it is gone already. */
export function onLauncherGone(callback: (name: string) => void): void {
  const launchers = readLaunchers(process.ppid);
  if (launchers.length === 0) return;
  const orphan = findOrphan(launchers);
  if (orphan) {
    callback(orphan);
    return;
  }
  const timer = setInterval(() => {
    const parents = [process.ppid, ...launchers.slice(0, -1).map(({ pid }) => readParent(pid))];
    if (launchers.every(({ pid }, index) => parents[index] === pid)) return;
    clearInterval(timer);
    callback(nameOf(launchers.at(-1) as Launcher));
  }, INTERVAL_MS);
  timer.unref();
}

/** Launchers from the nearest to the farthest package manager; none if the parent is something else. */
function readLaunchers(parent: number): Launcher[] {
  const chain: Launcher[] = [];
  for (let pid = parent; pid > 0; ) {
    const launcher = readLauncher(pid);
    if (!launcher || !(isPackageManager(launcher) || isShellOfScript(launcher))) break;
    chain.push(launcher);
    pid = launcher.parent;
  }
  return chain.slice(0, chain.findLastIndex(isPackageManager) + 1);
}

/**
 * npm passes its settings to every process it starts. If they are set, npm is absent and init has its child, npm is
 * gone.
 */
function findOrphan(launchers: readonly Launcher[]): string | undefined {
  const last = launchers.at(-1) as Launcher;
  const isOrphan = last.parent === 1 && !isNpm(last) && process.env.npm_config_npm_version !== undefined;
  return isOrphan ? "npx" : undefined;
}

const isPackageManager = ({ words }: Launcher): boolean =>
  words
    .slice(0, 2)
    .some((word) => /^(?:npm|npx|pnpm|pnpx|yarn|corepack)(?:-cli)?(?:\.[cm]?js)?$/.test(basename(word)));

const isNpm = ({ words }: Launcher): boolean =>
  words.slice(0, 2).some((word) => /^np[mx]/.test(basename(word)));

const isShellOfScript = ({ words: [shell = "", flag] }: Launcher): boolean =>
  /^(?:|ba|da|a|z|k)sh$/.test(basename(shell)) && flag === "-c";

const nameOf = ({ words }: Launcher): string =>
  words[0] === "npm" && words[1] === "exec" ? "npx" : basename(words[0] ?? "");

function readLauncher(pid: number): Launcher | undefined {
  const parent = readParent(pid);
  if (parent === undefined) return undefined;
  try {
    // npm sets its title, which is one string.
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split(/[\0 ]/).filter(Boolean);
    return { pid, parent, words };
  } catch {
    return undefined;
  }
}

/** The parent of a process; undefined if the process is gone. */
function readParent(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name of the program, in parentheses, may hold anything.
    const parent = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
    return parent === undefined ? undefined : Number(parent);
  } catch {
    return undefined;
  }
}
