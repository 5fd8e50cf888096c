import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { Results } from "@softmax-bench/core";
import { parseResults } from "@softmax-bench/core/results";
import { TURN_CHANNEL } from "../session/turns.js";
import { EXIT, messageOf, UsageError } from "../terminal/errors.js";
import { TurnGiver } from "./turn-giver.js";

/**
 * A built checkout of some revision. It is driven through its own command line and read through its results files alone,
 * which only ever grow: nothing else of an old revision can be relied on.
 */
export interface Checkout {
  /** What the user calls it. */
  readonly name: string;
  readonly folder: string;
}

export interface PassOptions {
  readonly profile: string;
  /** Keys of the cells to measure. */
  readonly cells: readonly string[];
  readonly seed: number;
  readonly threads: number;
  readonly signal: AbortSignal;
}

/**
 * Measures cells in fresh processes of several checkouts at once, which take turns cell by cell, in the order given.
 * @throws UsageError with what one of them said, if it gave no results.
 */
export async function measureInTurns(
  checkouts: readonly Checkout[],
  options: PassOptions,
): Promise<Results[]> {
  const turns = new TurnGiver(checkouts.length);
  // One that fails must not leave the others behind, waiting.
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const runs = checkouts.map(async (checkout) => {
    try {
      return await measureIn(checkout, { ...options, signal }, turns);
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(runs);
  if (failed.signal.aborted) throw failed.signal.reason;
  return Promise.all(runs);
}

/** Measures cells in fresh processes of a checkout. @throws UsageError with what it said, if there are no results. */
export async function measureIn(
  checkout: Checkout,
  options: PassOptions,
  turns?: TurnGiver,
): Promise<Results> {
  const { profile, cells, seed, threads, signal } = options;
  const out = mkdtempSync(join(tmpdir(), "softmax-bench-gate-"));
  try {
    const args = ["--profile", profile, "--seed", `${seed}`, "--threads", `${threads}`, "--out", out];
    const which = cells.flatMap((cell) => ["--cell", cell]);
    const flags = ["--json", "--no-provision", ...(turns ? ["--in-turns"] : [])];
    const ran = await runIn(checkout, ["bench", ...flags, ...args, ...which], signal, turns);
    if (ran.code !== EXIT.ok && ran.code !== EXIT.failure) throw failureOf(checkout, ran);
    return resultsOf(checkout, ran.stdout);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** Keys of the cells that a checkout would measure. @param selection flags of `pnpm bench` */
export async function listIn(
  checkout: Checkout,
  selection: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const ran = await runIn(checkout, ["bench", "--list", ...selection], signal);
  if (ran.code !== EXIT.ok) throw failureOf(checkout, ran);
  return ran.stdout.split("\n").filter(Boolean);
}

export interface Ran {
  readonly code: number | null;
  /** What ended it from outside. */
  readonly killedBy: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line of a checkout to its end. @throws the signal's reason if that aborts */
export function runIn(
  { folder }: Checkout,
  args: readonly string[],
  signal: AbortSignal,
  turns?: TurnGiver,
): Promise<Ran> {
  const main = join(folder, "apps", "runner", "dist", "main.js");
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: folder,
      // `git describe` must not write to a checkout in the cache, whose files are sealed.
      env: { ...process.env, GIT_OPTIONAL_LOCKS: "0" },
      stdio: ["ignore", "pipe", "pipe", turns ? "pipe" : "ignore"],
      signal,
      killSignal: "SIGTERM",
    });
    turns?.join(child.stdio[TURN_CHANNEL] as Duplex);
    let [stdout, stderr] = ["", ""];
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-KEPT_OUTPUT);
    });
    child.on("error", (error) => (signal.aborted ? undefined : reject(error)));
    child.on("close", (code, killedBy) =>
      signal.aborted ? reject(signal.reason) : resolve({ code, killedBy, stdout, stderr }),
    );
  });
}

const KEPT_OUTPUT = 20_000;

function resultsOf({ name }: Checkout, text: string): Results {
  try {
    return parseResults(text);
  } catch (error) {
    throw new UsageError(`${name} gave results that are none: ${messageOf(error)}`);
  }
}

function failureOf({ name, folder }: Checkout, { code, killedBy, stderr }: Ran): UsageError {
  const said = stderr.trim().split("\n").at(-1) || "nothing";
  if (/unknown profile "gate"|unknown option '--in-turns'/.test(said)) {
    return new UsageError(
      `${name} is from before there was a gate as this one, and cannot be driven by one; choose a later baseline`,
    );
  }
  const how = killedBy ? `was ended by ${killedBy}` : `exited with ${code}`;
  return new UsageError(`the command line of ${name} (${folder}) ${how}, saying: ${said}`);
}
