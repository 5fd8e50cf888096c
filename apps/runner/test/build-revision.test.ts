import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { inspect } from "@softmax-bench/provision";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { REPOSITORY_ROOT } from "../dist/fs/repository.js";
import { prepareCheckout } from "../dist/gate/build-revision.js";
import { toPatience } from "../dist/gate/patience.js";
import { isAlive } from "./faults/support.js";
import { temporaryFolder } from "./support/cli.js";
import { smallCommit } from "./support/revision.js";

const git = (folder: string, ...args: readonly string[]) =>
  execFileSync("git", ["-C", folder, ...args], { encoding: "utf8" }).trim();

/** Worktrees in the cache that this repository lists. */
const worktrees = () =>
  git(REPOSITORY_ROOT, "worktree", "list", "--porcelain")
    .split("\n")
    .filter((line) => line.startsWith(`worktree ${cache}`));
const commit = smallCommit();
const name = `revision-${commit}`;

let cache = "";
beforeEach(() => {
  cache = temporaryFolder();
  vi.stubEnv("SOFTMAX_BENCH_CACHE", cache);
});
afterEach(() => vi.unstubAllEnvs());

/** A build that makes the command line and all that packages export. */
const MAKE = 'node "$0.mjs" "$2"';
const MAKER = `import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
const folder = process.argv[2];
const make = (file, text) => {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
};
for (const part of ["packages", "apps"].flatMap((parent) => readdirSync(join(folder, parent)).map((name) => join(folder, parent, name)))) {
  const manifest = readFileSync(join(part, "package.json"), "utf8");
  for (const [, file] of manifest.matchAll(/"(\\.\\/dist\\/[^"]*)"/g)) make(join(part, file), "");
}
make(join(folder, "apps", "runner", "dist", "main.js"), "built\\n");
`;

/** Builds the commit with a script in the place of pnpm, which is called with `-C <folder> install|build …`. */
function build(
  pnpm: string,
  { signal = new AbortController().signal, timeoutMs }: { signal?: AbortSignal; timeoutMs?: number } = {},
  said: string[] = [],
) {
  const bin = temporaryFolder();
  writeFileSync(join(bin, "pnpm"), `#!/bin/sh\n${pnpm}\n`);
  chmodSync(join(bin, "pnpm"), 0o755);
  writeFileSync(join(bin, "pnpm.mjs"), MAKER);
  vi.stubEnv("npm_execpath", join(bin, "pnpm"));
  const say = (line: string) => void said.push(line);
  return prepareCheckout("main", commit, { say, signal, patience: toPatience(timeoutMs) });
}

describe("a revision in the cache", () => {
  it("is the commit, built, in a repository that this one does not list", async () => {
    const { folder } = await build(`echo "$3" >> "$2/steps"; ${MAKE}`);
    expect(folder).toBe(join(cache, name));
    expect(git(folder, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")).toBe(commit);
    expect(readFileSync(join(folder, "steps"), "utf8")).toBe("install\nbuild\n");
    expect(worktrees()).toEqual([]);
    expect(await inspect(name, { thorough: true })).toMatchObject({ state: "complete" });
  });

  it("is built once", async () => {
    await build(MAKE);
    await expect(build("exit 1")).resolves.toEqual({ name: "main", folder: join(cache, name) });
  });

  it.each([
    ["installing", '[ "$3" = build ] || { echo "ERR no network" >&2; exit 1; }'],
    ["building", '[ "$3" = install ] || { echo "ERR no network" >&2; exit 1; }'],
  ])("leaves nothing behind, here or there, when %s fails", async (_, pnpm) => {
    await expect(build(pnpm)).rejects.toThrow(
      `cannot build main, commit ${commit}: ERR no network; choose a baseline that builds here`,
    );
    expect(worktrees()).toEqual([]);
    expect(readdirSync(cache)).toEqual([]);
  });

  it("leaves nothing behind when it is stopped", async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("stopped")), 500);
    await expect(build("exec sleep 60", { signal: stop.signal })).rejects.toThrow();
    expect(worktrees()).toEqual([]);
    expect(readdirSync(cache)).toEqual([]);
  });

  it("ends a build that takes too long, with all that it started, and leaves nothing behind", {
    tags: "nightly",
  }, async () => {
    const marker = join(temporaryFolder(), "pid");
    // A build tool that ignores SIGTERM, and a process of it that has left its group.
    const stuck = `trap "" TERM; setsid sleep 600 & echo $! > ${marker}; while :; do sleep 1; done`;
    await expect(build(stuck, { timeoutMs: 10_000 })).rejects.toThrow(
      "pnpm install of the baseline did not end within 10 s, and was ended; see what it waits for, or allow more with --timeout",
    );
    expect(isAlive(Number(readFileSync(marker, "utf8")))).toBe(false);
    expect(readdirSync(cache)).toEqual([]);
  });

  it("names the compiler's error when a build breaks, which the build tool prints to stdout, and shows the end of it", async () => {
    const output = [
      "@softmax-bench/core:build: > tsc -b",
      "@softmax-bench/core:build: src/index.ts(3,14): error TS2304: Cannot find name 'boom'.",
      "@softmax-bench/core#build: command (/x) pnpm run build exited (2)",
      " ERROR  run failed: command  exited (2)",
    ].join("\n");
    const said: string[] = [];
    await expect(
      build(`[ "$3" = install ] || { cat <<'END'\n${output}\nEND\nexit 2; }`, {}, said),
    ).rejects.toThrow(
      /^cannot build main, commit \w+: .*src\/index\.ts\(3,14\): error TS2304: Cannot find name 'boom'\.; /,
    );
    expect(said.join("\n")).toContain(output);
  });

  it.each([
    ["has no command line", "true", "it was built, and yet it has no apps/runner/dist/main.js"],
    [
      "has a package that was not built",
      `${MAKE}; rm -rf "$2/packages/core/dist"`,
      "it was built, and yet it has no packages/core/dist/",
    ],
  ])("is refused if what was built %s", async (_, pnpm, message) => {
    await expect(build(pnpm)).rejects.toThrow(message);
    expect(readdirSync(cache)).toEqual([]);
  });

  const expectBuiltAgain = async (_: string, damage: (folder: string) => void) => {
    const linked = `${MAKE}; ln -sfn apps "$2/link"`;
    const { folder } = await build(linked);
    damage(folder);
    await build(linked);
    expect(readFileSync(join(folder, "link", "runner", "dist", "main.js"), "utf8")).toBe("built\n");
  };

  it.each([
    [
      "has other bytes",
      (folder: string) => writeFileSync(join(folder, "apps/runner/dist/main.js"), "BUILT\n"),
    ],
  ])("is built again if it %s", expectBuiltAgain);

  it.each([
    ["is cut short", (folder: string) => writeFileSync(join(folder, "apps/runner/dist/main.js"), "")],
    ["lacks a link", (folder: string) => rmSync(join(folder, "link"))],
  ])("is built again if it %s", { tags: "nightly" }, expectBuiltAgain);

  it("takes the place of one that was not used for a month", async () => {
    const old = join(cache, "revision-0");
    mkdirSync(old);
    const longAgo = new Date(Date.now() - 31 * 86_400_000);
    utimesSync(old, longAgo, longAgo);
    await build(MAKE);
    expect(existsSync(old)).toBe(false);
  });

  it("removes entries that an earlier version's failed build left in this repository", async () => {
    const failed = join(cache, "revision-0.partial");
    git(REPOSITORY_ROOT, "worktree", "add", "--quiet", "--detach", "--no-checkout", failed, commit);
    execFileSync("rm", ["-r", failed]);
    expect(worktrees()).toHaveLength(1);
    await build(MAKE);
    expect(worktrees()).toEqual([]);
  });
});
