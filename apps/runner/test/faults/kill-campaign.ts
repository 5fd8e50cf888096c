import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cellKey } from "@softmax-bench/core";
import { xorshift128plus } from "pure-rand/generator/xorshift128plus";
import {
  commandOf,
  descendantsOf,
  type Ended,
  isRunning,
  launch,
  MAIN,
  processesWith,
  type Running,
} from "../support/process.js";
import { onlyRun } from "../support/runs.js";
import { cellLines } from "./support.js";

/** Two dozen cells of milliseconds each, on the backend that starts fastest. */
const METHODS = ["manual/shifted", "manual/exact-target", "manual/fused"];
const WORKLOADS = ["16x10", "15x10", "14x10", "13x10", "12x10", "11x10", "10x10", "9x10"];
const CELLS = METHODS.length * WORKLOADS.length;
const SELECTION = [
  ...["--profile", "smoke", "--backend", "wasm-simd", "--method", METHODS.join(), "--dtype", "float32"],
  ...["--workload", WORKLOADS.join(), "--threads", "1", "--no-provision"],
];

/** The host of a campaign's workers. */
export const KILL_HOSTS = ["node", "chromium", "firefox"] as const;
type KillHost = (typeof KILL_HOSTS)[number];

/** Processes that a campaign strikes, besides the parent; each is found by its command line. */
const WORKERS: Readonly<Record<KillHost, Readonly<Record<string, RegExp>>>> = {
  // A flag of Node that only workers are started with.
  node: { worker: /--expose-gc/ },
  chromium: { browser: /^(?!sh |setpriv )(?!.* --type=).*--user-data-dir=/s, page: /--type=renderer/ },
  firefox: { browser: /^(?!sh |setpriv )(?!.*-contentproc).*--profile /s, page: /-isForBrowser/ },
};
const WAYS = ["SIGKILL", "SIGTERM", "SIGINT", "SIGSTOP+SIGKILL"] as const;

/** The time between SIGSTOP and SIGKILL, and the longest that a run may take to end after its parent was struck, in milliseconds. */
const LONGEST_STOP_MS = 400;
const LONGEST_END_MS = 60_000;

/** The time that the kernel and Node may take to end what a run started, in milliseconds: many times what a busy machine needs. */
const LONGEST_LEFT_MS = 5000;

/** Files that a finished run has. */
const FILES = ["journal.jsonl", "report.html", "report.md", "results.json"];

/** One process that is ended or stopped, at a moment of a run. */
interface Blow {
  /** `parent`, or one of `WORKERS`. */
  readonly target: string;
  readonly way: (typeof WAYS)[number];
  /** From the first finished cell on, or from the start of the process. */
  readonly afterFirstCell: boolean;
  readonly delayMs: number;
  readonly stopMs: number;
}

export interface CampaignOptions {
  /** Processes that are struck. */
  readonly count: number;
  readonly seed: number;
  /** Default: `node`. */
  readonly host?: KillHost;
  /** Receives a line after every finished run. */
  readonly say?: (line: string) => void;
}

/** The outcome of a campaign. Faults are described in words; there may be none. */
export interface CampaignOutcome {
  /** The number of blows of each kind, as `parent SIGKILL`. */
  readonly blows: Map<string, number>;
  /** The number of blows to the parent, by what they found: `no journal`, `0 cells` to all of them, `results.json`. */
  readonly moments: Map<string, number>;
  /** Processes of the command line that were started, and runs that were finished. */
  readonly counts: { processes: number; runs: number; crashedCells: number };
  /** Finished cells that a later journal does not have. */
  readonly lostCells: string[];
  /** Processes that were still there after the run's own process had ended. */
  readonly orphans: string[];
  /** Files outside of the folder of the run, or in it when it is finished. */
  readonly filesLeft: string[];
  /** Runs that do not end, or end with other results than a run without blows. */
  readonly wrongRuns: string[];
}

/** Strikes parents and workers of runs until it has done so `count` times, and checks what is left after each. */
export async function killCampaign({
  count,
  seed,
  host = "node",
  say = () => {},
}: CampaignOptions): Promise<CampaignOutcome> {
  const outcome: CampaignOutcome = {
    blows: new Map(),
    moments: new Map(),
    counts: { processes: 0, runs: 0, crashedCells: 0 },
    lostCells: [],
    orphans: [],
    filesLeft: [],
    wrongRuns: [],
  };
  const drawBlow = blowsFrom(seed, ["parent", ...Object.keys(WORKERS[host])]);
  const scratchBefore = scratchFolders();
  const blowsDone = () => sum(outcome.blows);
  while (blowsDone() < count) {
    const struck = new StruckRun(outcome, host);
    try {
      await struck.measure(() => (blowsDone() < count ? drawBlow() : undefined));
    } finally {
      struck.remove();
    }
    say(`${blowsDone()} of ${count} blows, ${outcome.counts.runs} runs finished`);
  }
  outcome.filesLeft.push(...scratchFolders().filter((name) => !scratchBefore.includes(name)));
  return outcome;
}

/** All blows of a campaign, in order, from one seed. What they hit differs with the speed of the machine. */
function blowsFrom(seed: number, targets: readonly string[]): () => Blow {
  const generator = xorshift128plus(seed);
  const below = (limit: number): number => (generator.next() >>> 0) % limit;
  const oneOf = <T>(values: readonly T[]): T => values[below(values.length)] as T;
  return () => ({
    target: oneOf(targets),
    way: oneOf(WAYS),
    // Most after the first cell, where there is something to lose.
    afterFirstCell: below(4) > 0,
    delayMs: below(1500),
    stopMs: below(LONGEST_STOP_MS),
  });
}

/** One run, from its first process to the one that finishes it. */
class StruckRun {
  readonly #outcome: CampaignOutcome;
  readonly #host: KillHost;
  readonly #folder = mkdtempSync(join(tmpdir(), "kills-"));
  readonly #out = join(this.#folder, "out");
  /** Folders that belong to the run alone, and that it must leave empty. */
  readonly #empty = ["home", "tmp", "cwd"].map((name) => join(this.#folder, name));
  /** Lines of finished cells that were in the journal at any time. */
  #finished: readonly string[] = [];
  #workerBlows = 0;
  /** Processes that the run had when it was struck last. */
  #seen: readonly number[] = [];

  constructor(outcome: CampaignOutcome, host: KillHost) {
    this.#outcome = outcome;
    this.#host = host;
    for (const folder of this.#empty) mkdirSync(folder);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** @param nextBlow none when there have been enough */
  async measure(nextBlow: () => Blow | undefined): Promise<void> {
    for (;;) {
      const { code, stderr } = await this.#measureOnce(nextBlow);
      if (code === 0 || code === 1) return this.#expectFinished(code);
      if (code !== null && code !== 130) {
        this.#outcome.wrongRuns.push(`exit code ${code}: ${stderr.trim().split("\n").at(-1)}`);
        return;
      }
      const hasNoJournal = existsSync(this.#out) && readdirSync(this.#out).length > 0 && !this.#journal;
      if (hasNoJournal) return;
    }
  }

  /** Starts the run or continues it, with blows until it ends */
  async #measureOnce(nextBlow: () => Blow | undefined): Promise<Ended> {
    const [home, tmp, cwd] = this.#empty as [string, string, string];
    const mark = `KILLS_MARK=${this.#folder}-${this.#outcome.counts.processes++}`;
    const begun = this.#journal !== undefined;
    const args = begun ? ["--resume", onlyRun(this.#out).id] : [...SELECTION, "--host", this.#host];
    const [variable = "", value] = mark.split("=");
    const running = launch([process.execPath, MAIN, "bench", ...args, "--out", this.#out], {
      cwd,
      env: { HOME: home, TMPDIR: tmp, [variable]: value },
    });
    let isOver = false;
    const ended = running.ended.finally(() => {
      isOver = true;
    });
    for (let blow = nextBlow(); blow && !isOver; blow = nextBlow()) {
      await this.#strike(running, blow, () => isOver);
      if (blow.target === "parent") break;
      await this.#untilNextCell(() => isOver);
    }
    const end = await orKilled(running, ended, () =>
      this.#outcome.wrongRuns.push(`did not end within ${LONGEST_END_MS} ms: ${mark}`),
    );
    await this.#expectNothingLeft(mark);
    this.#expectKept(end.stderr);
    return end;
  }

  async #strike(running: Running, blow: Blow, isOver: () => boolean): Promise<void> {
    if (blow.afterFirstCell) await running.says("[1/").catch(() => {});
    await Promise.race([sleep(blow.delayMs), running.ended]);
    const pid =
      blow.target === "parent"
        ? running.child.pid
        : await processOf(WORKERS[this.#host][blow.target] as RegExp, running, isOver);
    if (pid === undefined || isOver()) return;
    this.#remember();
    // A browser's processes do not have the run's mark.
    this.#seen = descendantsOf(running.child.pid as number);
    const moment = this.#moment();
    if (!(await strikeWith(blow, pid))) return;
    increment(this.#outcome.blows, `${blow.target} ${blow.way}`);
    if (blow.target === "parent") increment(this.#outcome.moments, moment);
    else this.#workerBlows++;
  }

  /** Two workers in a row that die while they start are the end of a backend, and no fault: waits until one works. */
  async #untilNextCell(isOver: () => boolean): Promise<void> {
    const before = this.#cells().filter(isOk).length;
    while (!isOver() && this.#cells().filter(isOk).length === before) await sleep(10);
  }

  get #journal(): string | undefined {
    if (!existsSync(this.#out) || readdirSync(this.#out).length === 0) return undefined;
    const { journal } = onlyRun(this.#out);
    return existsSync(journal) ? journal : undefined;
  }

  #cells(): string[] {
    return this.#journal ? cellLines(this.#journal) : [];
  }

  #moment(): string {
    if (!this.#journal) return "no journal";
    if (existsSync(join(onlyRun(this.#out).path, "results.json"))) return "results.json";
    return `${this.#finished.length} cells`;
  }

  /** Compares the journal with what it had, and takes what it has now. */
  #remember(): void {
    const now = this.#cells();
    const lost = this.#finished.filter((line, index) => now[index] !== line);
    this.#outcome.lostCells.push(...lost);
    this.#finished = now;
  }

  /** Checks that a cell which is announced as finished is in the journal. */
  #expectKept(stderr: string): void {
    const announced = [...stderr.matchAll(/^\[\d+\/\d+\] (\S+ \S+ \S+ \S+): /gm)].map(([, cell]) => cell);
    this.#remember();
    const inJournal = new Set(this.#finished.map(labelOf));
    this.#outcome.lostCells.push(
      ...announced.flatMap((cell) => (cell && !inJournal.has(cell) ? [`announced: ${cell}`] : [])),
    );
  }

  async #expectNothingLeft(mark: string): Promise<void> {
    const begun = performance.now();
    const remaining = () => [...new Set([...processesWith(mark), ...this.#seen.filter(isRunning)])];
    let left = remaining();
    while (left.length > 0 && performance.now() - begun < LONGEST_LEFT_MS) {
      await sleep(20);
      left = remaining();
    }
    for (const pid of left) {
      this.#outcome.orphans.push(commandOf(pid));
      tryKill(pid, "SIGKILL");
    }
    const files = this.#empty.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
    this.#outcome.filesLeft.push(...files);
    for (const file of files) rmSync(file, { recursive: true, force: true });
  }

  /** Checks that the run is as complete as one without blows, but for the cells whose worker was struck. */
  #expectFinished(code: number): void {
    const { path, results } = onlyRun(this.#out);
    const { cells, backends, run } = results();
    // Firefox keeps the connection of a page whose process was killed: the cell's time may be over before it is missed.
    const lost = this.#host === "firefox" ? ["crashed", "timeout"] : ["crashed"];
    const crashed = cells.filter(({ status }) => lost.includes(status));
    const others = cells.filter(({ status }) => status !== "ok" && !lost.includes(status));
    const problems = [
      run.status !== "complete" && `status ${run.status}`,
      new Set(cells.map(cellKey)).size !== CELLS && `${cells.length} cells`,
      this.#finished.length !== CELLS && `${this.#finished.length} lines in the journal`,
      others.length > 0 && others.map(({ status, reason }) => `${status}: ${reason}`).join(", "),
      crashed.length > this.#workerBlows && `${crashed.length} crashed cells`,
      code !== (crashed.length > 0 ? 1 : 0) && `exit code ${code}`,
      backends.some(({ status }) => status !== "available") && "its backend is unavailable",
    ].filter((problem) => problem !== false);
    this.#outcome.wrongRuns.push(...problems.map((problem) => `${problem} in ${run.id}`));
    const files = readdirSync(path).filter((name) => !FILES.includes(name));
    this.#outcome.filesLeft.push(...files.map((name) => join(path, name)));
    this.#outcome.counts.runs++;
    this.#outcome.counts.crashedCells += crashed.length;
  }
}

/** Waits for the end of a run, and ends one that hangs. */
async function orKilled<T>({ child }: Running, ended: Promise<T>, isHung: () => void): Promise<T> {
  const timer = setTimeout(() => {
    isHung();
    child.kill("SIGKILL");
  }, LONGEST_END_MS);
  try {
    return await ended;
  } finally {
    clearTimeout(timer);
  }
}

/** The process of a run that has such a command line now, or that it starts next. */
async function processOf(
  command: RegExp,
  { child }: Running,
  isOver: () => boolean,
): Promise<number | undefined> {
  while (!isOver()) {
    const found = descendantsOf(child.pid as number).findLast((pid) => command.test(commandOf(pid)));
    if (found !== undefined) return found;
    await sleep(5);
  }
  return undefined;
}

/** @returns false if the process was gone before */
async function strikeWith({ way, stopMs }: Blow, pid: number): Promise<boolean> {
  if (way !== "SIGSTOP+SIGKILL") return tryKill(pid, way);
  if (!tryKill(pid, "SIGSTOP")) return false;
  await sleep(stopMs);
  return tryKill(pid, "SIGKILL");
}

function tryKill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** Folders that the command line makes where it cannot have files without a name. */
const scratchFolders = (): string[] =>
  [tmpdir(), "/dev/shm"].flatMap((folder) =>
    readdirSync(folder).filter((name) => /^softmax-bench-\w{6}$/.test(name)),
  );

const isOk = (line: string): boolean => line.includes('"status":"ok"');

/** The name of a journal line's cell in the progress. */
function labelOf(line: string): string {
  return cellKey(JSON.parse(line));
}

const increment = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};

export const sum = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((total, count) => total + count, 0);
