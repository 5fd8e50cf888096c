import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { inspect } from "@softmax-bench/provision";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { HERE } from "../src/fs/repository.js";
import { checkoutOf } from "../src/gate/revision.js";
import { temporaryFolder } from "./support/cli.js";

const git = (folder: string, ...args: readonly string[]) =>
  execFileSync("git", ["-C", folder, ...args], { encoding: "utf8" }).trim();

/** Worktrees in the cache that this repository lists. */
const worktrees = () =>
  git(HERE, "worktree", "list", "--porcelain")
    .split("\n")
    .filter((line) => line.startsWith(`worktree ${cache}`));
const commit = git(HERE, "rev-parse", "HEAD");
const name = `revision-${commit}`;

let cache = "";
beforeEach(() => {
  cache = temporaryFolder();
  vi.stubEnv("SOFTMAX_BENCH_CACHE", cache);
});
afterEach(() => vi.unstubAllEnvs());

/** Builds HEAD with a script in the place of pnpm, which is called with `-C <folder> install|build …`. */
function build(pnpm: string, signal = new AbortController().signal) {
  const bin = temporaryFolder();
  writeFileSync(join(bin, "pnpm"), `#!/bin/sh\n${pnpm}\n`);
  chmodSync(join(bin, "pnpm"), 0o755);
  vi.stubEnv("npm_execpath", join(bin, "pnpm"));
  return checkoutOf("main", commit, { say: () => {}, signal });
}

describe("a revision in the cache", () => {
  it("is the commit, built, in a repository that this one does not list", async () => {
    const { folder } = await build('echo "$3" >> "$2/steps"');
    expect(folder).toBe(join(cache, name));
    expect(git(folder, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")).toBe(commit);
    expect(readFileSync(join(folder, "steps"), "utf8")).toBe("install\nbuild\n");
    expect(worktrees()).toEqual([]);
    expect(await inspect(name, { thorough: true })).toMatchObject({ state: "complete" });
  });

  it("is built once", async () => {
    await build("true");
    await expect(build("exit 1")).resolves.toEqual({ name: "main", folder: join(cache, name) });
  });

  it.each([
    ["installing", '[ "$3" = build ] || { echo "ERR no network" >&2; exit 1; }'],
    ["building", '[ "$3" = install ] || { echo "ERR no network" >&2; exit 1; }'],
  ])("leaves nothing behind, here or there, when %s fails", async (_, pnpm) => {
    await expect(build(pnpm)).rejects.toThrow(
      `cannot build main, commit ${commit}: ERR no network; see ${join(cache, name)}`,
    );
    expect(worktrees()).toEqual([]);
    expect(readdirSync(cache)).toEqual([]);
  });

  it("leaves nothing behind when it is stopped", async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("stopped")), 500);
    await expect(build("exec sleep 60", stop.signal)).rejects.toThrow();
    expect(worktrees()).toEqual([]);
    expect(readdirSync(cache)).toEqual([]);
  });

  it("takes the place of one that was not used for a month", async () => {
    const old = join(cache, "revision-0");
    mkdirSync(old);
    const longAgo = new Date(Date.now() - 31 * 86_400_000);
    utimesSync(old, longAgo, longAgo);
    await build("true");
    expect(existsSync(old)).toBe(false);
  });

  it("removes entries that an earlier version's failed build left in this repository", async () => {
    const failed = join(cache, "revision-0.partial");
    git(HERE, "worktree", "add", "--quiet", "--detach", "--no-checkout", failed, commit);
    execFileSync("rm", ["-r", failed]);
    expect(worktrees()).toHaveLength(1);
    await build("true");
    expect(worktrees()).toEqual([]);
  });
});
