import { execFile, execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { IN_CLONE } from "@softmax-bench/core";

import { UsageError } from "../terminal/errors.js";
import { BUNDLE } from "./bundle-manifest.js";

/** The checkout that this code is in. */
export const REPOSITORY_ROOT = fileURLToPath(new URL("../../../..", import.meta.url));

/** @throws UsageError outside of a clone of the repository. @param use the part of it that a command uses, and what to do instead */
export function requireClone(use: string): void {
  if (!IN_CLONE) throw new UsageError(`expected a clone of softmax-bench, got an installed package: ${use}`);
}

const execute = promisify(execFile);

/** The folder whose repository is asked for revisions: this clone, or the user's own repository. */
const gitFolder = (): string => (IN_CLONE ? REPOSITORY_ROOT : process.cwd());

/** Runs git in the repository. @returns its output @throws Error if it fails */
export const git = async (...args: readonly string[]): Promise<string> =>
  (await execute("git", ["--no-optional-locks", "-C", gitFolder(), ...args])).stdout.trim();

/** The commit that a git revision names here; undefined if it names none. */
export async function resolveCommit(revision: string): Promise<string | undefined> {
  if (revision.startsWith("-")) return undefined;
  return git("rev-parse", "--verify", "--quiet", `${revision}^{commit}`).catch(() => undefined);
}

/** The commit that this checkout is, without a change to it; undefined if there are changes. */
export async function cleanCommit(): Promise<string | undefined> {
  const changes = await git("status", "--porcelain", "--untracked-files=no").catch(() => "no git");
  return changes === "" ? resolveCommit("HEAD") : undefined;
}

/**
 * The commit of the checkout that the command runs in, with `-dirty` for uncommitted changes; outside of one, the
 * commit that an image was built from. A bundle knows its own: the current folder may be in any repository.
 */
export const currentCommit = (): string | null =>
  BUNDLE
    ? BUNDLE.commit
    : gitHere("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*") ||
      process.env.SOFTMAX_BENCH_COMMIT ||
      null;

/** Its branch. A GitHub workflow checks out no branch; there it is that of the pull request or of the push. */
export const currentBranch = (): string | null =>
  process.env.GITHUB_HEAD_REF ||
  process.env.GITHUB_REF_NAME ||
  (BUNDLE ? null : gitHere("branch", "--show-current"));

function gitHere(...args: readonly string[]): string | null {
  try {
    // Without a lock: a git that ends early, say on a full disk, would leave it, and the user's next commit would fail.
    const command = ["--no-optional-locks", ...args];
    const said = execFileSync("git", command, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return said.trim() || null;
  } catch {
    return null;
  }
}
