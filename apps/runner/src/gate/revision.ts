import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { Unavailable } from "@softmax-bench/core";
import { cacheRoot, evict, provide, type Recipe, run } from "@softmax-bench/provision";
import { git, HERE } from "../fs/repository.js";
import { messageOf, UsageError } from "../terminal/errors.js";
import type { Checkout } from "./checkout.js";

const execute = promisify(execFile);

/** Installed packages and what is built of them. */
const SPACE = 3e9;

/** What may stay in the cache besides the revision that is measured. */
const KEPT = { prefix: "revision-", limitBytes: 9e9, maxAgeDays: 30 };

/** A commit, checked out, installed and built in the user's cache. @throws UsageError saying what is in the way */
export async function checkoutOf(
  name: string,
  commit: string,
  options: { readonly say: (line: string) => void; readonly signal: AbortSignal },
): Promise<Checkout> {
  const { say, signal } = options;
  const recipe: Recipe = {
    name: `${KEPT.prefix}${commit}`,
    space: SPACE,
    async build(folder, { progress }) {
      progress(`checking out ${commit.slice(0, 12)}`);
      await checkOut(commit, folder);
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
    await evict(KEPT);
    await forgetWorktrees();
    const folder = await provide(recipe, { progress: (step) => say(`${name}: ${step}`), signal });
    return { name, folder };
  } catch (error) {
    if (signal.aborted) throw error;
    const remedy = error instanceof Unavailable ? error.remedy : `see ${join(cacheRoot(), recipe.name)}`;
    throw new UsageError(`cannot build ${name}, commit ${commit}: ${messageOf(error)}; ${remedy}`);
  }
}

/** A repository of its own: a worktree of this one would stay listed here after its folder is gone. */
async function checkOut(commit: string, folder: string): Promise<void> {
  // No template: nothing of the user's, such as hooks, belongs there.
  await execute("git", ["init", "--quiet", "--template=", folder]);
  await execute("git", ["-C", folder, "fetch", "--quiet", "--depth=1", HERE, commit]);
  await execute("git", ["-C", folder, "checkout", "--quiet", "--detach", commit]);
}

/** Removes entries of revisions that earlier versions made as worktrees, and whose folders are gone. */
async function forgetWorktrees(): Promise<void> {
  const listed = await git("worktree", "list", "--porcelain").catch(() => "");
  const ours = join(cacheRoot(), KEPT.prefix);
  const folders = listed.split("\n").map((line) => line.replace(/^worktree /, ""));
  const gone = folders.filter((folder) => folder.startsWith(ours) && !existsSync(folder));
  // Twice: git locks one while it is made.
  for (const folder of gone) await git("worktree", "remove", "--force", "--force", folder).catch(() => {});
}

/** The pnpm that started this, if one did; a script of it needs Node. */
function pnpm(): [command: string, ...args: string[]] {
  const path = process.env.npm_execpath;
  if (!path || !basename(path).startsWith("pnpm")) return ["pnpm"];
  return /\.[cm]?js$/.test(path) ? [process.execPath, path] : [path];
}
