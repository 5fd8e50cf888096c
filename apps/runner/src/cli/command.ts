import { DTYPE_IDS, isSystemError, METHODS, USUAL_DTYPE_IDS } from "@softmax-bench/core";
import { Command, CommanderError, Option } from "commander";
import { BACKENDS } from "../plan/backends.js";
import { Consent } from "../session/consent.js";
import { type Console, writeLine } from "../terminal/console.js";
import { EXIT, IncomparableError, UsageError } from "../terminal/errors.js";

/** A command whose errors are ours to print. */
export const newCommand = (name: string): Command =>
  new Command(name)
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ outputError: () => {} });

/** Runs a command and returns its exit code. A user's mistake is printed as one line. */
export async function execute(
  name: string,
  run: (argv: readonly string[], console: Console) => Promise<number>,
  argv: readonly string[],
  console: Console,
): Promise<number> {
  try {
    return await run(argv, console);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    if (error instanceof Error && (await isForUser(error)))
      writeLine(console.stderr, `${name}: ${error.message.replace(/^error: /, "")}`);
    else for (const line of `${name}: ${stackOf(error)}`.split("\n")) writeLine(console.stderr, line);
    return error instanceof IncomparableError ? EXIT.incomparable : EXIT.usage;
  }
}

/** True if a message says what was expected, what came and what to do; other errors are mistakes of this program. */
async function isForUser(error: Error): Promise<boolean> {
  if (error instanceof CommanderError || error instanceof UsageError) return true;
  if (error instanceof IncomparableError || isSystemError(error)) return true;
  const { ResultsError } = await import("@softmax-bench/core/results");
  const { NoRoomError } = await import("@softmax-bench/measure");
  return error instanceof ResultsError || error instanceof NoRoomError;
}

const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

export const commaSeparated = (value: string, previous: readonly string[] = []): string[] => [
  ...previous,
  ...value.split(",").map((part) => part.trim()),
];

const ids = (known: readonly { id: string }[]): string => known.map(({ id }) => id).join(", ");

/** Flags that decide whether missing parts are fetched. */
export interface ProvisionFlags {
  readonly provision: boolean;
  readonly yes?: boolean | undefined;
}

/** The flag that agrees to every download. */
export const yesOption = (): Option =>
  new Option(
    "--yes",
    "fetch and build what is missing without asking, as SOFTMAX_BENCH_YES=1 in the environment does; e.g. --yes",
  );

/** Adds `ProvisionFlags` to a command. */
export const addProvisionOptions = (command: Command): Command =>
  command
    .addOption(yesOption().conflicts("provision"))
    .option("--no-provision", "do not fetch or build what backends and hosts lack; e.g. --no-provision");

/** The consent that flags give; undefined if nothing may be fetched. */
export const toConsent = ({ provision, yes }: ProvisionFlags, console: Console): Consent | undefined =>
  provision ? new Consent(console, yes) : undefined;

/** Flags that choose the cells to compute. */
export interface SelectionFlags extends ProvisionFlags {
  readonly backend?: string[];
  readonly method?: string[];
  readonly threads?: string;
}

/** The values that `--backend` takes. */
export const BACKEND_CHOICES = `${Object.keys(BACKENDS).join(", ")}, or one that bench.config.ts brings (all leaves out references: pytorch, jax)`;

/** Adds `SelectionFlags` to a command. */
export const withSelection = (command: Command, { threads = "all cores" } = {}): Command =>
  addProvisionOptions(
    command
      .option("--backend <ids>", `all, or ${BACKEND_CHOICES}; e.g. --backend tfjs-wasm`, commaSeparated)
      .option(
        "--method <globs>",
        `all, or ${ids(METHODS)}, or one that bench.config.ts brings; e.g. --method 'manual/*'`,
        commaSeparated,
      )
      .option("--threads <n>", `threads per backend (default: ${threads}); e.g. --threads 1`),
  );

/** Adds `--host`, a list. */
export const addHostOption = (command: Command): Command =>
  command.option(
    "--host <hosts>",
    "where backends run: node, bun, deno, each with a version if need be, chromium, firefox, or a path (default: the Node that runs this); e.g. --host node,node@24,bun or --host node=/usr/bin/node24",
    commaSeparated,
  );

/** Adds `--dtype`, a list. */
export const addDtypeOption = (command: Command): Command =>
  command.option(
    "--dtype <dtypes>",
    `${DTYPE_IDS.join(", ")} (default: ${USUAL_DTYPE_IDS.join(", ")}); e.g. --dtype float64`,
    commaSeparated,
  );

/** @throws UsageError if the value of the flag is not a whole number. */
export function integer(flag: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d{1,10}$/.test(value))
    throw new UsageError(`${flag} takes a whole number, got ${JSON.stringify(value)}`);
  return Number(value);
}

const TIME_UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/**
 * A duration such as `90s`, `10m` or `1h`, in milliseconds.
 * @throws UsageError if the flag's value is not a duration
 */
export function duration(flag: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const [, number, unit = ""] = /^(\d{1,6}(?:\.\d{1,3})?)([smh])$/.exec(value) ?? [];
  const milliseconds = Number(number) * (TIME_UNITS_MS[unit] ?? Number.NaN);
  if (milliseconds > 0) return milliseconds;
  throw new UsageError(`${flag} takes a duration such as 90s, 10m or 1h, got ${JSON.stringify(value)}`);
}

/** @throws UsageError if the value of the flag is not a whole number from 1 to `most`. */
export function inRange(flag: string, value: string, most: number): number {
  const number = /^\d+$/.test(value) ? Number(value) : 0;
  if (number >= 1 && number <= most) return number;
  throw new UsageError(`${flag} takes a whole number from 1 to ${most}, got ${JSON.stringify(value)}`);
}

/** @throws UsageError if the value of `--ignore-index` is not a whole number of 32 bits. */
export function parseIgnoreIndex(value: string, expected = "a whole number of 32 bits"): number {
  if (!/^-?\d{1,10}$/.test(value) || Number(value) !== (Number(value) | 0)) {
    throw new UsageError(`--ignore-index takes ${expected}, got ${JSON.stringify(value)}`);
  }
  return Number(value);
}
