import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { messageOf, plural, type Results } from "@softmax-bench/core";
import { parseResults, SchemaVersionError } from "@softmax-bench/core/results";
import { decisiveLine, type Ending, endsWithParent, runTree } from "@softmax-bench/provision";
import { z } from "zod";
import { BACKENDS } from "../plan/backends.js";
import type { Profile } from "../plan/profiles.js";
import { TURN_CHANNEL } from "../session/turns.js";
import { EXIT, IncomparableError, UsageError } from "../terminal/errors.js";
import { allOrNone } from "./all-or-none.js";
import { type CountedCells, countedCells } from "./counting/counted-cells.js";
import { Deadline, formatPatience, type Patience } from "./patience.js";
import { TurnScheduler } from "./turn-scheduler.js";

/**
 * A built checkout of some revision. It is driven only through its own command line and read only through its results
 * files, whose format only ever grows. Nothing else of an old revision is reliable.
 */
export interface Checkout {
  /** The user's name for it. */
  readonly name: string;
  /** The folder that its command line runs in. */
  readonly folder: string;
  /** Its command line, if that is an installed package; that of a clone if absent. */
  readonly main?: string;
}

/** A failure of one checkout: to list, to measure, or to answer in time. */
export class CheckoutError extends UsageError {
  readonly checkout: Checkout;

  constructor(checkout: Checkout, message: string) {
    super(message);
    this.checkout = checkout;
  }
}

/** A step of a checkout that did not end in time. */
export class HangError extends CheckoutError {}

export interface PassOptions {
  readonly profile: Profile["id"];
  /** Keys of the cells to measure. */
  readonly cells: readonly string[];
  readonly seed: number;
  readonly threads: number;
  readonly patience: Patience;
  readonly signal: AbortSignal;
}

/**
 * Measures cells in fresh processes of several checkouts at once. They take turns cell by cell, in the given order.
 * @throws UsageError with the output of one that gave no results.
 */
export async function measureInTurns(
  checkouts: readonly Checkout[],
  options: PassOptions,
): Promise<Results[]> {
  const turns = new TurnScheduler(checkouts.length);
  // A failed one must not leave the others waiting.
  return allOrNone(
    options.signal,
    checkouts.map((checkout) => (signal: AbortSignal) => measureIn(checkout, { ...options, signal }, turns)),
  );
}

/** Measures cells in fresh processes of a checkout. @throws UsageError with its output, if there are no results. */
export async function measureIn(
  checkout: Checkout,
  options: PassOptions,
  turns?: TurnScheduler,
): Promise<Results> {
  const { profile, cells, seed, threads, patience, signal } = options;
  using scratch = temporaryFolder();
  const out = join(scratch.folder, "runs");
  const args = ["--profile", profile, "--seed", `${seed}`, "--threads", `${threads}`, "--out", out];
  const which = cells.flatMap((cell) => ["--cell", cell]);
  const flags = ["--no-provision", ...(turns ? ["--in-turns"] : [])];
  const limitMs = turns ? patience.turnMs : patience.measureMs(profile, cells);
  const ran = await runIn(checkout, ["bench", ...flags, ...args, ...which], {
    purpose: turns ? "finish a turn of measuring" : `measure ${plural(cells.length, "cell")}`,
    byHand: `bench --profile ${profile}`,
    limitMs,
    signal,
    turns,
    scratch: scratch.folder,
  });
  if (ran.code !== EXIT.ok && ran.code !== EXIT.failure) throw toCheckoutError(checkout, ran);
  return readRunResults(checkout, out, ran);
}

/** Keys of the cells that a checkout would measure. @param selection flags of `pnpm bench` */
export async function listIn(
  checkout: Checkout,
  selection: readonly string[],
  { patience, signal }: Pick<PassOptions, "patience" | "signal">,
): Promise<string[]> {
  using scratch = temporaryFolder();
  const file = join(scratch.folder, "cells.json");
  const list = (...flags: readonly string[]) =>
    runIn(checkout, ["bench", "--list", ...selection, ...flags], {
      purpose: "list its cells",
      byHand: "bench --list",
      limitMs: patience.listMs,
      signal,
      scratch: scratch.folder,
    });
  const ran = await list("--list-to", file);
  if (ran.code === EXIT.ok) return listedIn(checkout, file, ran);
  if (!/unknown option '--list-to'/.test(ran.stderr)) throw toCheckoutError(checkout, ran);
  const older = await list();
  if (older.code !== EXIT.ok) throw toCheckoutError(checkout, older);
  return printedCells(checkout, older);
}

/**
 * Counts the instructions of cells in a fresh simulated process for each backend.
 * @throws UsageError with the checkout's output if there are no counts
 */
export async function countIn(
  checkout: Checkout,
  cells: readonly string[],
  { patience, signal }: Pick<PassOptions, "patience" | "signal">,
): Promise<CountedCells> {
  using scratch = temporaryFolder();
  const file = join(scratch.folder, "counts.json");
  const which = cells.flatMap((cell) => ["--cell", cell]);
  const ran = await runIn(checkout, ["bench", "--no-provision", "--count-to", file, ...which], {
    purpose: `count the instructions of ${plural(cells.length, "cell")}`,
    byHand: "bench --count-to counts.json",
    limitMs: patience.countMs,
    signal,
    scratch: scratch.folder,
  });
  if (/unknown option '--count-to'/.test(ran.stderr)) {
    throw new CheckoutError(
      checkout,
      `${checkout.name} is from before gate --instructions; choose a later baseline, or leave out --instructions`,
    );
  }
  try {
    return countedCells.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    throw toCheckoutError(checkout, ran);
  }
}

/** The content of the file that `bench --list-to` writes. */
const cellList = z.object({ cells: z.array(z.string()) });

function listedIn(checkout: Checkout, file: string, ran: Ran): string[] {
  try {
    return cellList.parse(JSON.parse(readFileSync(file, "utf8"))).cells;
  } catch {
    throw new CheckoutError(
      checkout,
      `the command line of ${describeCheckout(checkout)} listed no cells${saying(ran)}`,
    );
  }
}

/**
 * The printed cells of a revision from before `--list-to`. Other output of it or its dependencies is not a cell.
 * @throws UsageError if their number differs from the count on stderr: something was printed into the lines
 */
function printedCells(checkout: Checkout, { stdout, stderr }: Ran): string[] {
  const cells = stdout.split("\n").filter(isCell);
  const counted = [...stderr.matchAll(/^(\d+) cells?(?:;|$)/gm)].at(-1)?.[1];
  if (counted === undefined || Number(counted) === cells.length) return cells;
  throw new CheckoutError(
    checkout,
    `${checkout.name} counts ${plural(Number(counted), "cell")} and prints ${cells.length}, among something else; it is too old to list them in a file: choose a later baseline`,
  );
}

function isCell(line: string): boolean {
  const [, backend = ""] = CELL.exec(line) ?? [];
  // A known id after other text: that text was printed without a line end.
  const isPrefixed =
    !Object.hasOwn(BACKENDS, backend) && Object.keys(BACKENDS).some((id) => backend.endsWith(id));
  return backend !== "" && !isPrefixed;
}

const CELL = /^([\w-]+(?:@[\w.-]+)?) (?:autograd|manual)\/[\w-]+ float(?:32|64) [\w.-]+$/;

interface Ran extends Ending {
  /** The beginning of it, since a process may print without end. */
  readonly stdout: string;
  /** The end of it. */
  readonly stderr: string;
}

interface RunOptions {
  /** Its purpose, as it follows "did not" in a message. */
  readonly purpose: string;
  /** The command that lets a user see what hangs. */
  readonly byHand: string;
  /** The time after which it is ended. With turns, the time from one turn to the next. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
  readonly turns?: TurnScheduler | undefined;
  /** Folder for its temporary files. */
  readonly scratch: string;
}

/**
 * Runs the command line of a checkout to its end. None of its processes outlives it.
 * @throws the signal's reason if that aborts; HangError if it takes too long
 */
async function runIn(checkout: Checkout, args: readonly string[], options: RunOptions): Promise<Ran> {
  const { purpose, byHand, limitMs, signal, turns, scratch } = options;
  using deadline = new Deadline(
    limitMs,
    () =>
      new HangError(
        checkout,
        `${describeCheckout(checkout)} did not ${purpose} within ${formatPatience(limitMs)}, and was ended; run node ${mainOf(checkout)} ${byHand} to see where it hangs, or allow more with --timeout`,
      ),
  );
  let [stdout, stderr] = ["", ""];
  const ending = await runTree(endsWithParent([process.execPath, mainOf(checkout), ...args]), {
    cwd: checkout.folder,
    // Neither `git describe` nor the loader of configs may write to a checkout in the cache, whose files are sealed.
    env: { GIT_OPTIONAL_LOCKS: "0", JITI_FS_CACHE: "false", TMPDIR: scratch },
    stdio: ["ignore", "pipe", "pipe", turns ? "pipe" : "ignore"],
    signal: AbortSignal.any([signal, deadline.signal]),
    onStart: (child) => {
      const channel = child.stdio[TURN_CHANNEL];
      if (channel instanceof Duplex) {
        turns?.join(channel, { onWait: () => deadline.pause(), onResume: () => deadline.restart() });
      }
      child.stdout?.setEncoding("utf8").on("data", (text: string) => {
        if (stdout.length < LONGEST_OUTPUT) stdout += text;
      });
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        stderr = (stderr + text).slice(-KEPT_OUTPUT);
      });
    },
  });
  return { ...ending, stdout, stderr };
}

/**
 * Installs the native parts that backends lack, if possible; `bench` reports what is missing for each backend.
 * @param backends those to provide for; none for all
 */
export async function provisionIn(
  checkout: Checkout,
  { patience, signal }: Pick<PassOptions, "patience" | "signal">,
  backends: readonly string[] = [],
): Promise<void> {
  using scratch = temporaryFolder();
  await runIn(checkout, ["provision", ...backends], {
    purpose: "provide native parts",
    byHand: "provision",
    limitMs: patience.buildMs,
    signal,
    scratch: scratch.folder,
  });
}

const KEPT_OUTPUT = 20_000;
const LONGEST_OUTPUT = 2 ** 24;

/** The command line in a clone. */
export const mainPath = (folder: string): string => join(folder, "apps", "runner", "dist", "main.js");

const mainOf = ({ folder, main = mainPath(folder) }: Checkout): string => main;

/** A folder that is removed when it is disposed of. */
export function temporaryFolder(): Disposable & { readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), "softmax-bench-gate-"));
  mkdirSync(join(folder, "runs"));
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** The results of the only run in a folder. Printed output is never used as data. */
function readRunResults(checkout: Checkout, out: string, ran: Ran): Results {
  const files = readdirSync(out)
    .map((run) => join(out, run, "results.json"))
    .filter((file) => existsSync(file));
  const [file] = files;
  if (!file || files.length > 1) {
    throw new CheckoutError(
      checkout,
      `the command line of ${describeCheckout(checkout)} wrote ${plural(files.length, "results file")} where one belongs${saying(ran)}`,
    );
  }
  try {
    return parseResults(readFileSync(file, "utf8"));
  } catch (error) {
    if (error instanceof SchemaVersionError) {
      throw new IncomparableError(
        `${checkout.name} writes another version of the results format: ${error.message}`,
        { cause: error },
      );
    }
    throw new CheckoutError(
      checkout,
      `${describeCheckout(checkout)} wrote results that cannot be read: ${messageOf(error)}`,
    );
  }
}

/** A revision from before a profile existed. */
export class UnknownProfileError extends CheckoutError {}

function toCheckoutError(checkout: Checkout, ran: Ran): CheckoutError {
  if (/unknown profile "digests"/.test(ran.stderr)) {
    return new UnknownProfileError(checkout, `${checkout.name} is from before gate --error-only`);
  }
  if (/unknown profile "gate"|unknown option '--in-turns'/.test(ran.stderr)) {
    return new CheckoutError(
      checkout,
      `${checkout.name} is from before there was a gate as this one, and cannot be driven by one; choose a later baseline`,
    );
  }
  const ofConfig = /^\w+: (bench\.config\.ts.*)$/m.exec(ran.stderr)?.[1];
  if (ofConfig) {
    return new CheckoutError(checkout, `the config of ${describeCheckout(checkout)} is wrong: ${ofConfig}`);
  }
  const how = ran.killedBy ? `was ended by ${ran.killedBy}` : `exited with ${ran.code}`;
  return new CheckoutError(
    checkout,
    `the command line of ${describeCheckout(checkout)} ${how}${saying(ran)}`,
  );
}

const describeCheckout = ({ name, folder }: Checkout): string => `${name} (${folder})`;

const saying = ({ stderr }: Ran): string => `, saying: ${decisiveLine(stderr) || "nothing"}`;
