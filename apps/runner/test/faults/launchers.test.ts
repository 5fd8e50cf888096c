import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { call, MAIN, onlyRun, type Running, spawned, temporaryFolder } from "../support/cli.js";
import { processesWith } from "../support/process.js";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));
const { packageManager } = z
  .object({ packageManager: z.string() })
  .parse(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")));

/** The pnpm that `npx` starts. */
const findPnpm = (): string =>
  execFileSync("npx", ["-y", "-p", packageManager, "-c", "command -v pnpm"], { encoding: "utf8" }).trim();

/** Six cells of a few hundred milliseconds each. */
const SLOWER = [
  ...["--profile", "smoke", "--backend", "tfjs-wasm", "--dtype", "float32", "--workload", "700x700"],
  ...["--method", "*/naive,*/shifted,*/log-softmax", "--no-provision"],
];

/** As a user starts it, in the checkout. All that comes of it has the mark in its environment. */
function startAsUser(command: readonly string[], out: string): Running & { left: () => number[] } {
  const mark = randomUUID();
  const running = spawned([...command, "bench", ...SLOWER, "--out", out], {
    cwd: ROOT,
    env: { MARK: mark },
  });
  return { ...running, left: () => processesWith(`MARK=${mark}`) };
}

/** Waits until nothing is left of a command; nothing but that tells when an orphan is done. */
async function untilGone(left: () => number[]): Promise<void> {
  const begun = performance.now();
  while (left().length > 0) {
    expect(performance.now() - begun, `left: ${left()}`).toBeLessThan(60_000);
    await sleep(100);
  }
}

const NPX = ["npx", "-y", packageManager];
const LAUNCHERS = {
  npx: () => NPX,
  "npx, without a build": () => [...NPX, "exec", "node", MAIN],
  pnpm: () => [findPnpm()],
  "a script with npx": () => ["sh", "-c", `npx -y ${packageManager} "$@"; exit $?`, "sh"],
} satisfies Readonly<Record<string, () => readonly string[]>>;

describe("a run that is started by", () => {
  const expectKept = async (started: keyof typeof LAUNCHERS, signal: NodeJS.Signals) => {
    const out = temporaryFolder();
    const { child, ended, says, left } = startAsUser(LAUNCHERS[started](), out);
    await says("[2/6]");
    const target = started === "a script with npx" ? npxUnder(child.pid as number) : (child.pid as number);
    process.kill(target, signal);
    await untilGone(left);
    expect((await ended).code).not.toBe(0);
    const run = onlyRun(out);
    // pnpm's own guard kills what it leaves behind; the journal has all then, and the results are made from it.
    if (!(started === "pnpm" && signal === "SIGKILL")) {
      expect(run.results().run.status).toBe("interrupted");
      expect(run.results().cells.length).toBeGreaterThanOrEqual(2);
      expect(run.results().cells.length).toBeLessThan(6);
    }
    const resumed = await call("bench", ["--resume", run.id, "--out", out]);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(run.results().cells.map(({ status }) => status)).toEqual(Array(6).fill("ok"));
  };
  const claim = "%s, which gets %s, keeps what it has, and leaves no process";

  // Most of these build, and so run where nothing else does.
  it.each([
    ["npx, without a build", "SIGTERM"],
    ["npx", "SIGTERM"],
    ["npx", "SIGKILL"],
    ["pnpm", "SIGTERM"],
    ["pnpm", "SIGKILL"],
    ["a script with npx", "SIGTERM"],
    ["a script with npx", "SIGKILL"],
  ] as const)(claim, { tags: "nightly" }, expectKept);
});

describe("a run whose npx gets SIGTERM while it builds", () => {
  it("measures nothing", { tags: "nightly" }, async () => {
    const out = temporaryFolder();
    const { child, says, left } = startAsUser(NPX, out);
    await says("Running build");
    child.kill("SIGTERM");
    await untilGone(left);
    expect(existsSync(out) ? readdirSync(out).length : 0).toBeLessThanOrEqual(1);
    if (readdirSync(out).length === 1)
      expect(onlyRun(out).results()).toMatchObject({ cells: [], run: { status: "interrupted" } });
  });
});

/** The `npm exec` below a process. */
function npxUnder(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .split(" ")
    .filter(Boolean)
    .map(Number);
  const npx = children.find((child) => readFileSync(`/proc/${child}/cmdline`, "utf8").startsWith("npm exec"));
  if (npx === undefined) throw new Error(`process ${pid} has no npx below it`);
  return npx;
}
