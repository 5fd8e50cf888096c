import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { IN_CLONE, messageOf, Unavailable } from "@softmax-bench/core";
import { CommandError, cacheRoot, evict, provide, type Recipe, run } from "@softmax-bench/provision";
import { git, REPOSITORY_ROOT } from "../fs/repository.js";
import { UsageError } from "../terminal/errors.js";
import { type Checkout, mainPath, type PassOptions } from "./checkout.js";
import { Deadline, formatPatience } from "./patience.js";
import { TimeOver } from "./time-budget.js";

/** Bytes of installed packages and their build output. */
const SPACE = 3e9;

/** Limits on the other revisions that stay in the cache. */
const KEPT = { prefix: "revision-", limitBytes: 9e9, maxAgeDays: 30 };

/** A revision that cannot be made ready. */
export class BuildError extends UsageError {}

export interface CheckoutOptions extends Pick<PassOptions, "patience" | "signal"> {
  readonly say: (line: string) => void;
}

/** The way from a checked-out commit to one that can be measured. */
export interface RevisionBuild {
  /** Distinguishes builds of one commit in the cache. */
  readonly variant?: string;
  /** Installs and builds what was checked out. */
  prepare(folder: string, progress: (step: string) => void): Promise<void>;
  /** The first thing that a built revision lacks; undefined if nothing. */
  missing(folder: string): Promise<string | undefined>;
}

/**
 * A commit of this project, checked out, installed and built in the user's cache. A damaged or changed entry is built
 * again.
 * @throws UsageError with the reason if that fails
 */
export async function prepareCheckout(
  name: string,
  commit: string,
  options: CheckoutOptions,
): Promise<Checkout> {
  const build: RevisionBuild = {
    async prepare(folder, progress) {
      progress("installing it");
      await runPnpm(folder, ["install", "--frozen-lockfile", "--prefer-offline"], options);
      progress("building it");
      await runPnpm(folder, ["build"], options);
    },
    missing: missingIn,
  };
  return { name, folder: await provideRevision(name, commit, REPOSITORY_ROOT, build, options) };
}

/**
 * The folder in the user's cache with a commit of a repository, ready to be measured.
 * @throws UsageError with the reason if that fails
 */
export async function provideRevision(
  name: string,
  commit: string,
  repository: string,
  { variant, prepare, missing }: RevisionBuild,
  options: CheckoutOptions,
): Promise<string> {
  const { say, signal } = options;
  const recipe: Recipe = {
    name: `${KEPT.prefix}${[commit, ...(variant ? [variant] : [])].join("-")}`,
    space: SPACE,
    async build(folder, { progress }) {
      progress(`checking out ${commit.slice(0, 12)}`);
      await checkOut(repository, commit, folder, options);
      await prepare(folder, progress);
    },
    missing,
  };
  return explainingFailure(name, commit, options, async () => {
    await evict(KEPT);
    await forgetWorktrees();
    const progress = (step: string) => say(`${name}: ${step}`);
    // By content, since a damaged install would be measured as the baseline.
    return provide(recipe, { progress, signal, wanted: true });
  });
}

/** @throws BuildError in the place of a failure to make a revision ready, after the last lines that it printed */
export async function explainingFailure<T>(
  name: string,
  commit: string,
  { say, signal }: Pick<CheckoutOptions, "say" | "signal">,
  make: () => Promise<T>,
): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (signal.aborted || error instanceof TimeOver) throw error;
    if (error instanceof UsageError) throw new BuildError(error.message);
    if (error instanceof CommandError) for (const line of lastLines(error.output)) say(line);
    const remedy = remedyFor(error);
    throw new BuildError(`cannot build ${name}, commit ${commit}: ${messageOf(error)}; ${remedy}`);
  }
}

function remedyFor(error: unknown): string {
  if (error instanceof Unavailable) return error.remedy;
  const isAbsent = error instanceof CommandError && !error.found;
  if (!isAbsent) return "choose a baseline that builds here";
  return IN_CLONE
    ? "install it, or start this with npx -y pnpm@<version> gate"
    : "install it, or name another way to make the baseline ready with --prepare";
}

/** Runs the pnpm that started this, in a folder. @throws UsageError if it takes too long, CommandError if it fails */
function runPnpm(folder: string, args: readonly string[], options: CheckoutOptions): Promise<void> {
  const [command, ...before] = pnpm();
  return runStep(`pnpm ${args[0]}`, [command, ...before, "-C", folder, ...args], options);
}

/** Runs one step of making a revision ready. @throws BuildError if it takes too long, CommandError if it fails */
export async function runStep(
  name: string,
  [command = "", ...args]: readonly string[],
  { patience: { buildMs }, signal }: Pick<CheckoutOptions, "patience" | "signal">,
  cwd?: string,
): Promise<void> {
  using deadline = new Deadline(
    buildMs,
    () =>
      new BuildError(
        `${name} of the baseline did not end within ${formatPatience(buildMs)}, and was ended; see what it waits for, or allow more with --timeout`,
      ),
  );
  const limited = AbortSignal.any([signal, deadline.signal]);
  await run(command, args, { signal: limited, env: { CI: "true" }, quiet: true, ...(cwd ? { cwd } : {}) });
}

/** Number of lines shown of a failed build: a compiler's last errors and the build tool's comments on them. */
const SHOWN_LINES = 20;

const lastLines = (output: string): string[] =>
  stripVTControlCharacters(output)
    .split("\n")
    .filter((line) => line.trim())
    .slice(-SHOWN_LINES);

/** Names the first file that a built checkout lacks: its command line, or an export of one of its packages. */
async function missingIn(folder: string): Promise<string | undefined> {
  const packages = ["packages", "apps"].flatMap((parent) =>
    existsSync(join(folder, parent))
      ? readdirSync(join(folder, parent)).map((name) => join(parent, name))
      : [],
  );
  const exported = packages.flatMap((path) =>
    readExports(join(folder, path, "package.json")).map((file) => join(path, file)),
  );
  const missing = [mainPath(""), ...exported].find((file) => !existsSync(join(folder, file)));
  return missing && `it has no ${missing}`;
}

/** Files that a package exports, at any depth of nested conditions. */
function readExports(file: string): string[] {
  if (!existsSync(file)) return [];
  const targets = (value: unknown): string[] =>
    typeof value === "string" ? [value] : Object.values(value ?? {}).flatMap(targets);
  const manifest: unknown = JSON.parse(readFileSync(file, "utf8"));
  return targets((manifest as { exports?: unknown }).exports).filter((target) => !target.includes("*"));
}

/** Clones into a separate repository: a worktree of this one would stay listed here after its folder is gone. */
export async function checkOut(
  repository: string,
  commit: string,
  folder: string,
  options: Pick<CheckoutOptions, "patience" | "signal">,
): Promise<void> {
  // No template, so that nothing of the user's, such as hooks, gets there.
  const steps = [
    ["init", "--quiet", "--template=", folder],
    ["-C", folder, "fetch", "--quiet", "--depth=1", repository, commit],
    ["-C", folder, "checkout", "--quiet", "--detach", commit],
  ];
  for (const args of steps) await runStep("git", ["git", ...args], options);
}

/** Removes entries of revisions that earlier versions made as worktrees, and whose folders are gone. */
async function forgetWorktrees(): Promise<void> {
  const listed = await git("worktree", "list", "--porcelain").catch(() => "");
  const ours = join(cacheRoot(), KEPT.prefix);
  const folders = listed.split("\n").map((line) => line.replace(/^worktree /, ""));
  const gone = folders.filter((folder) => folder.startsWith(ours) && !existsSync(folder));
  // Twice: git locks a worktree while it is being made.
  for (const folder of gone) await git("worktree", "remove", "--force", "--force", folder).catch(() => {});
}

/** The pnpm that started this, if any. A script of it needs Node. */
export function pnpm(): [command: string, ...args: string[]] {
  const path = process.env.npm_execpath;
  if (!path || !basename(path).startsWith("pnpm")) return ["pnpm"];
  return /\.[cm]?js$/.test(path) ? [process.execPath, path] : [path];
}
