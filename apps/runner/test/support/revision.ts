import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { provide } from "@softmax-bench/provision";
import { MAIN, temporaryFolder } from "./cli.js";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));

/** A commit besides HEAD, which is always there: no branch has it. */
export const otherCommit = (message = "another commit", parent?: string): string => {
  const who = { NAME: "test", EMAIL: "test@example.org", DATE: "2026-01-01T00:00:00Z" };
  const env = Object.fromEntries(
    ["AUTHOR", "COMMITTER"].flatMap((role) =>
      Object.entries(who).map(([key, value]) => [`GIT_${role}_${key}`, value]),
    ),
  );
  const parents = parent === undefined ? [] : ["-p", parent];
  const args = ["-C", ROOT, "commit-tree", "HEAD^{tree}", ...parents, "-m", message];
  return execFileSync("git", args, { encoding: "utf8", env: { ...process.env, ...env } }).trim();
};

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
