import { execFile } from "node:child_process";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { Unavailable } from "@softmax-bench/core";
import { cacheRoot, provide, type Recipe, run } from "@softmax-bench/provision";
import { messageOf, UsageError } from "../errors.js";
import { type Checkout, HERE } from "./checkout.js";

const execute = promisify(execFile);
const git = async (...args: readonly string[]): Promise<string> =>
  (await execute("git", ["--no-optional-locks", "-C", HERE, ...args])).stdout.trim();

/** The commit that a git revision names here; undefined if it names none. */
export async function commitOf(revision: string): Promise<string | undefined> {
  if (revision.startsWith("-")) return undefined;
  return git("rev-parse", "--verify", "--quiet", `${revision}^{commit}`).catch(() => undefined);
}

/** The commit that this checkout is, without a change to it; undefined if there are changes. */
export async function cleanCommit(): Promise<string | undefined> {
  const changes = await git("status", "--porcelain", "--untracked-files=no").catch(() => "no git");
  return changes === "" ? commitOf("HEAD") : undefined;
}

/** Installed packages and what is built of them. */
const SPACE = 3e9;

/** A commit, checked out, installed and built in the user's cache. @throws UsageError saying what is in the way */
export async function checkoutOf(
  name: string,
  commit: string,
  options: { readonly say: (line: string) => void; readonly signal: AbortSignal },
): Promise<Checkout> {
  const { say, signal } = options;
  const recipe: Recipe = {
    name: `revision-${commit}`,
    space: SPACE,
    async build(folder, { progress }) {
      progress(`checking out ${commit.slice(0, 12)}`);
      // The folder exists, empty, and will be renamed.
      await git("worktree", "add", "--detach", "--force", folder, commit);
      progress("installing and building it");
      const [command, ...before] = pnpm();
      const env = { CI: "true" };
      await run(command, [...before, "-C", folder, "install", "--frozen-lockfile", "--prefer-offline"], {
        ...{ signal, env },
      });
      await run(command, [...before, "-C", folder, "build"], { signal, env });
    },
  };
  try {
    const folder = await provide(recipe, { progress: (step) => say(`${name}: ${step}`), signal });
    await git("worktree", "repair", folder);
    return { name, folder };
  } catch (error) {
    if (signal.aborted) throw error;
    const remedy = error instanceof Unavailable ? error.remedy : `see ${join(cacheRoot(), recipe.name)}`;
    throw new UsageError(`cannot build ${name}, commit ${commit}: ${messageOf(error)}; ${remedy}`);
  }
}

/** The pnpm that started this, if one did; a script of it needs Node. */
function pnpm(): [command: string, ...args: string[]] {
  const path = process.env.npm_execpath;
  if (!path || !basename(path).startsWith("pnpm")) return ["pnpm"];
  return /\.[cm]?js$/.test(path) ? [process.execPath, path] : [path];
}
