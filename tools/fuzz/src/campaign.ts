import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Reply, Request } from "./batch.js";
import { loadTarget } from "./targets/index.js";

const BATCH = fileURLToPath(new URL("./batch.js", import.meta.url));

/** The longest time for one input. */
const LONGEST_MS = 10_000;
const MOST_BYTES = 2 ** 31;

/** A fault, and the smallest input that led to it. */
export interface Finding {
  readonly kind: string;
  readonly detail: string;
  readonly index: number;
  readonly input: Buffer;
  readonly count: number;
}

export interface CampaignResult {
  /** Files that were read unchanged. */
  readonly seeds: number;
  readonly mutations: number;
  /** The number of inputs that were read. All others were refused, except those that led to a fault. */
  readonly read: number;
  readonly findings: readonly Finding[];
  /** Inputs that reached code which no earlier one had reached. */
  readonly interesting: readonly Buffer[];
  readonly slowestMs: number;
}

export interface CampaignOptions {
  readonly target: string;
  readonly seed: number;
  /** The number of inputs, or the time to search for them guided by coverage. */
  readonly extent: { readonly inputs: number } | { readonly ms: number };
}

/** Reads many mutated files in processes of limited memory and time, one after the other. */
export async function campaign({ target, seed, extent }: CampaignOptions): Promise<CampaignResult> {
  const folder = mkdtempSync(join(tmpdir(), "fuzz-"));
  const state = new State();
  const isGuided = "ms" in extent;
  const seeds = (await loadTarget(target)).seeds().length;
  const to = isGuided ? Number.MAX_SAFE_INTEGER : seeds + extent.inputs;
  const until = isGuided ? Date.now() + extent.ms : Number.POSITIVE_INFINITY;
  try {
    while (state.next < to && Date.now() < until) {
      const request: Request = {
        target,
        seed,
        from: state.next,
        to,
        folder,
        ...(isGuided && { interesting: state.interesting.map((input) => input.toString("base64")), until }),
      };
      await runBatch(request, state, isGuided ? [] : sandbox(folder));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return {
    seeds: Math.min(seeds, state.next),
    mutations: Math.max(0, state.next - seeds),
    read: state.read,
    findings: [...state.findings.values()],
    interesting: state.interesting,
    slowestMs: state.slowestMs,
  };
}

/**
 * Flags of a Node that may read any file and write to one folder, but start no process and load no native code. They
 * forbid the inspector, which counts coverage, too.
 */
function sandbox(folder: string): string[] {
  const isStable = process.allowedNodeEnvironmentFlags.has("--permission");
  return [
    isStable ? "--permission" : "--experimental-permission",
    "--allow-fs-read=*",
    `--allow-fs-write=${folder}/*`,
    "--no-warnings",
  ];
}

/**
 * A command line with the inputs' limit on memory, and a limit on processor time. Without prlimit, as outside Linux,
 * there are no such limits.
 */
export function limitCommand(command: readonly string[], cpuSeconds?: number): string[] {
  if (process.platform !== "linux") return [...command];
  const cpu = cpuSeconds === undefined ? [] : [`--cpu=${cpuSeconds}`];
  return ["prlimit", `--data=${MOST_BYTES}`, ...cpu, ...command];
}

/** The state of a campaign over all its processes. */
class State {
  next = 0;
  read = 0;
  slowestMs = 0;
  readonly findings = new Map<string, Finding>();
  readonly interesting: Buffer[] = [];

  add(kind: string, detail: string, index: number, input: Buffer): void {
    const before = this.findings.get(kind);
    const smallest =
      before && before.input.length <= input.length ? before : { kind, detail, index, input, count: 0 };
    this.findings.set(kind, { ...smallest, count: (before?.count ?? 0) + 1 });
  }
}

function runBatch(request: Request, state: State, flags: readonly string[]): Promise<void> {
  const [command = "", ...args] = limitCommand([
    process.execPath,
    ...flags,
    "--disallow-code-generation-from-strings",
    BATCH,
  ]);
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
  const watched = new Watched(child, state);
  child.send(request);
  return watched.ended;
}

/** A process that reads inputs. It is ended if one of them takes too long. */
class Watched {
  readonly ended: Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #current: { readonly index: number; readonly input: Buffer; readonly since: number } | undefined;
  #isLate = false;
  #stderr = "";

  constructor(child: ChildProcess, state: State) {
    child.on("message", (reply: Reply) => this.#receive(reply, child, state));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = `${this.#stderr}${text}`.slice(-2000);
    });
    this.ended = new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => {
        clearTimeout(this.#timer);
        const current = this.#current;
        if (current) this.#addDeath(current, code, signal, state);
        else if (code !== 0)
          reject(
            new Error(`the process that reads inputs died at once (${signal ?? code}): ${this.#stderr}`),
          );
        resolve();
      });
    });
  }

  #receive(reply: Reply, child: ChildProcess, state: State): void {
    clearTimeout(this.#timer);
    if (reply.type === "input") {
      const { index } = reply;
      state.next = index + 1;
      this.#current = { index, input: Buffer.from(reply.input, "base64"), since: performance.now() };
    } else if (reply.type === "outcome" && this.#current) {
      const { index, input, since } = this.#current;
      state.slowestMs = Math.max(state.slowestMs, performance.now() - since);
      if (reply.isNew) state.interesting.push(input);
      if (reply.outcome === "read") state.read++;
      else if (reply.outcome !== "refused") state.add(reply.outcome.kind, reply.outcome.detail, index, input);
      this.#current = undefined;
    }
    this.#timer = setTimeout(() => {
      this.#isLate = true;
      child.kill("SIGKILL");
    }, LONGEST_MS);
  }

  #addDeath(
    { index, input }: { index: number; input: Buffer },
    code: number | null,
    signal: string | null,
    state: State,
  ): void {
    const kind = this.#isLate
      ? `more than ${LONGEST_MS / 1000} s`
      : `death: ${signal ?? `exit code ${code}`}`;
    state.add(kind, this.#stderr, index, input);
  }
}
