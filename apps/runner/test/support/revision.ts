import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { provide } from "@softmax-bench/provision";
import { MAIN, temporaryFolder } from "./cli.js";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));

/** Runs git in this repository. */
const git = (args: readonly string[], options: { input?: string; env?: NodeJS.ProcessEnv } = {}): string =>
  execFileSync("git", ["-C", ROOT, ...args], { encoding: "utf8", ...options }).trim();

/** A commit besides HEAD, which is always there: no branch has it. */
export const otherCommit = (message?: string, parent?: string): string =>
  commitOf("HEAD^{tree}", message, parent);

/** A commit of two packages of this repository, which is checked out in a moment. */
export function smallCommit(): string {
  const folder = (parent: string, name: string) =>
    makeTree([`040000 tree ${git(["rev-parse", `HEAD:${parent}/${name}`])}\t${name}`]);
  const parts = { apps: "runner", packages: "core" };
  return commitOf(
    makeTree(Object.entries(parts).map(([parent, name]) => `040000 tree ${folder(parent, name)}\t${parent}`)),
  );
}

const makeTree = (entries: readonly string[]): string =>
  git(["mktree"], { input: entries.map((entry) => `${entry}\n`).join("") });

function commitOf(tree: string, message = "another commit", parent?: string): string {
  const who = { NAME: "test", EMAIL: "test@example.org", DATE: "2026-01-01T00:00:00Z" };
  const env = Object.fromEntries(
    ["AUTHOR", "COMMITTER"].flatMap((role) =>
      Object.entries(who).map(([key, value]) => [`GIT_${role}_${key}`, value]),
    ),
  );
  const parents = parent === undefined ? [] : ["-p", parent];
  return git(["commit-tree", tree, ...parents, "-m", message], { env: { ...process.env, ...env } });
}

/**
 * A cache with a revision that seems to be built, and runs this checkout's code from a folder of its own.
 * @param main another command line that it runs
 */
export async function cacheWithRevision(
  commit: string,
  { main: target = MAIN, cache = temporaryFolder() } = {},
): Promise<string> {
  const before = process.env.SOFTMAX_BENCH_CACHE;
  process.env.SOFTMAX_BENCH_CACHE = cache;
  try {
    await provide(
      {
        name: `revision-${commit}`,
        space: 1e3,
        async build(folder) {
          const main = join(folder, "apps", "runner", "dist", "main.js");
          mkdirSync(dirname(main), { recursive: true });
          writeFileSync(main, `import ${JSON.stringify(target)};\n`);
        },
      },
      { progress: () => {}, signal: new AbortController().signal },
    );
  } finally {
    if (before === undefined) delete process.env.SOFTMAX_BENCH_CACHE;
    else process.env.SOFTMAX_BENCH_CACHE = before;
  }
  return cache;
}
