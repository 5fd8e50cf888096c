import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Results } from "@softmax-bench/core";
import { parseResults } from "@softmax-bench/core/results";
import { EXIT, messageOf, UsageError } from "../errors.js";

/**
 * A built checkout of some revision. It is driven through its own command line and read through its results files alone,
 * which only ever grow: nothing else of an old revision can be relied on.
 */
export interface Checkout {
  /** What the user calls it. */
  readonly name: string;
  readonly folder: string;
}

/** The checkout that this code is in. */
export const HERE = fileURLToPath(new URL("../../../..", import.meta.url));

export interface PassOptions {
  readonly profile: string;
  /** Keys of the cells to measure. */
  readonly cells: readonly string[];
  readonly seed: number;
  readonly threads: number;
  readonly signal: AbortSignal;
}

/** Measures cells in fresh processes of a checkout. @throws UsageError with what it said, if there are no results. */
export async function measureIn(checkout: Checkout, options: PassOptions): Promise<Results> {
  const { profile, cells, seed, threads, signal } = options;
  const out = mkdtempSync(join(tmpdir(), "softmax-bench-gate-"));
  try {
    const args = ["--profile", profile, "--seed", `${seed}`, "--threads", `${threads}`, "--out", out];
    const which = cells.flatMap((cell) => ["--cell", cell]);
    const ran = await runIn(checkout, ["bench", "--json", "--no-provision", ...args, ...which], signal);
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
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line of a checkout to its end. @throws the signal's reason if that aborts */
export function runIn({ folder }: Checkout, args: readonly string[], signal: AbortSignal): Promise<Ran> {
  const main = join(folder, "apps", "runner", "dist", "main.js");
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
      signal,
      killSignal: "SIGTERM",
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-KEPT_OUTPUT);
    });
    child.on("error", (error) => (signal.aborted ? undefined : reject(error)));
    child.on("close", (code) => (signal.aborted ? reject(signal.reason) : resolve({ code, stdout, stderr })));
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

function failureOf({ name, folder }: Checkout, { code, stderr }: Ran): UsageError {
  const said = stderr.trim().split("\n").at(-1) || "nothing";
  if (/unknown profile "gate"/.test(said)) {
    return new UsageError(
      `${name} is from before there was a gate, and cannot be driven by one; choose a later baseline`,
    );
  }
  return new UsageError(`the command line of ${name} (${folder}) exited with ${code}, saying: ${said}`);
}
