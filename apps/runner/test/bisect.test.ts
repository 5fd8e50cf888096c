import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_LIMITS } from "@softmax-bench/regression";
import { describe, expect, it } from "vitest";
import { type BisectRequest, bisect, stepLimits } from "../dist/gate/bisect/bisect.js";
import type { StepVerdict } from "../dist/gate/bisect/search.js";
import type { BisectStep } from "../dist/gate/bisect/state.js";
import { mainPath } from "../dist/gate/checkout.js";
import { toPatience } from "../dist/gate/patience.js";
import { TimeBudget } from "../dist/gate/time-budget.js";
import { injectedCheckout } from "../dist/gate/validation/injected-checkout.js";
import { describeEnvironment } from "../dist/run/machine/environment.js";
import { ROOT, scratchClone } from "./support/checkout.js";
import { call, MAIN, run, start, temporaryFolder, within } from "./support/cli.js";
import { cacheWithRevision, otherCommit } from "./support/revision.js";

const CELL = "wasm-simd manual/fused float32 64x1000";

const who = { NAME: "test", EMAIL: "test@example.org", DATE: "2026-01-01T00:00:00Z" };
const env = {
  ...process.env,
  ...Object.fromEntries(
    ["AUTHOR", "COMMITTER"].flatMap((role) =>
      Object.entries(who).map(([key, value]) => [`GIT_${role}_${key}`, value]),
    ),
  ),
};
const git = (folder: string, ...args: readonly string[]): string =>
  execFileSync("git", ["-C", folder, ...args], { encoding: "utf8", env }).trim();

/** Commits after HEAD that no branch has, oldest first. */
function commitsAfterHead(count: number): string[] {
  const commits: string[] = [];
  for (let index = 0; index < count; index++) {
    commits.push(otherCommit(`change ${index}`, commits.at(-1) ?? git(ROOT, "rev-parse", "HEAD")));
  }
  return commits;
}

describe("a bisection", () => {
  const commits = commitsAfterHead(9);
  const nameOf = (commit: string) => commits.indexOf(commit);

  interface Bisected {
    readonly code: number;
    readonly lines: readonly string[];
    readonly taken: readonly number[];
    readonly annotations: readonly string[];
  }

  const requestOf = (
    out: string,
    budget: TimeBudget,
    lines: string[],
    annotations: string[] = [],
  ): BisectRequest => ({
    range: `HEAD..${commits.at(-1)}`,
    cell: CELL,
    out,
    limits: DEFAULT_LIMITS,
    seed: 0,
    threads: 1,
    patience: toPatience(),
    budget,
    prepare: undefined,
    mayProvision: async () => false,
    signal: new AbortController().signal,
    say: (line) => lines.push(line),
    print: (line) => lines.push(line),
    annotate: (commands) => annotations.push(...commands),
  });

  /** Bisects with made-up outcomes, by index of the commit. */
  async function bisectWith(
    verdictOf: (index: number, attempt: number) => StepVerdict | "killed" | "cut short",
    out = temporaryFolder(),
  ): Promise<Bisected> {
    const [lines, taken, annotations]: [string[], number[], string[]] = [[], [], []];
    using budget = new TimeBudget(3_600_000);
    const code = await bisect(requestOf(out, budget, lines, annotations), async (_, { commit, attempt }) => {
      taken.push(nameOf(commit));
      const verdict = verdictOf(nameOf(commit), attempt);
      if (verdict === "killed") throw new Error("killed");
      if (verdict === "cut short") budget.cut("second look", 3, 12);
      const slowdown = verdict === "slower" ? 0.25 : 0.01;
      return {
        commit,
        attempt,
        verdict: verdict === "cut short" ? "equal" : verdict,
        subject: "time",
        slowdown,
        interval: [slowdown - 0.02, slowdown + 0.02],
        reason: "",
      };
    });
    return { code, lines, taken, annotations };
  }

  it("prints each step in a line, and ends with the commit, its subject, and its size with an interval", async () => {
    const { code, lines, annotations } = await bisectWith((index) => (index >= 5 ? "slower" : "equal"));
    const [, fifth] = [commits[4], commits[5]];
    expect(lines).toHaveLength(2 + 4 + 1);
    expect(lines[0]).toMatch(/^[0-9a-f]{10}\.\.[0-9a-f]{10}: 9 commits, at most 5 gates/);
    expect(lines[1]).toMatch(/^expected to take about .* at most: .*; plus the time to build the revisions/);
    expect(lines[2]).toBe(`1: ${commits[8]?.slice(0, 10)} worse, time +25.0 % [+23.0 %, +27.0 %] – change 8`);
    expect(lines[3]).toBe(`2: ${commits[3]?.slice(0, 10)} as good, time +1.0 % [−1.0 %, +3.0 %] – change 3`);
    const found = `${fifth} is the first that is worse, time +25.0 % [+23.0 %, +27.0 %]: change 5`;
    expect(lines.at(-1)).toBe(found);
    expect(annotations).toEqual([
      `::error title=softmax-bench gate%3A regression::${CELL}: ${found.replaceAll("%", "%25")}`,
    ]);
    expect(code).toBe(1);
  });

  it("goes on after a kill, whenever that was, without a gate twice", async () => {
    const verdictOf = (index: number) => (index >= 2 ? "slower" : "equal");
    const whole = await bisectWith(verdictOf);
    for (let kill = 0; kill < whole.taken.length; kill++) {
      const out = temporaryFolder();
      let left = kill;
      await expect(bisectWith((index) => (left-- === 0 ? "killed" : verdictOf(index)), out)).rejects.toThrow(
        "killed",
      );
      const resumed = await bisectWith(verdictOf, out);
      expect(resumed.taken).toEqual(whole.taken.slice(kill));
      expect(resumed.lines.at(-1)).toBe(whole.lines.at(-1));
      expect(resumed.lines.filter((line) => line.endsWith("(known)"))).toHaveLength(kill);
      const again = await bisectWith(verdictOf, out);
      expect(again.taken).toEqual([]);
    }
  });

  it("takes again, when it goes on, what settled nothing in a bad hour", async () => {
    const out = temporaryFolder();
    const badHour = (index: number) => (index === 3 ? "broken" : index === 4 ? "inconclusive" : undefined);
    const verdictOf = (index: number) => (index >= 4 ? "slower" : "equal");
    const first = await bisectWith((index) => badHour(index) ?? verdictOf(index), out);
    expect(first.taken).toEqual([8, 3, 4, 4, 4, 2, 6, 5]);
    expect(first.lines.at(-1)).toBe(`  ${commits[5]} change 5`);
    const second = await bisectWith(verdictOf, out);
    expect(second.taken).toEqual([3, 4]);
    expect(second.lines.at(-1)).toMatch(new RegExp(`^${commits[4]} is the first that is worse, `));
    expect((await bisectWith(verdictOf, out)).taken).toEqual([]);
  });

  it("ends where the good commit cannot be built, which is no fault of the one that it is compared with", async () => {
    const out = temporaryFolder();
    await expect(bisectWith((index) => (index === 8 ? "slower" : "killed"), out)).rejects.toThrow("killed");
    const pnpm = join(temporaryFolder(), "pnpm");
    writeFileSync(pnpm, "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    const cache = await cacheWithRevision(commits[3] as string);
    using budget = new TimeBudget(undefined);
    await expect(
      within({ env: { npm_execpath: pnpm, SOFTMAX_BENCH_CACHE: cache } }, () =>
        bisect(requestOf(out, budget, [])),
      ),
    ).rejects.toThrow(/^cannot build good [0-9a-f]{10}, commit /);
    const [folder = ""] = readdirSync(out);
    const { steps } = JSON.parse(readFileSync(join(out, folder, "bisect.json"), "utf8"));
    expect(steps).toHaveLength(1);
  });

  it("ends with a step that --time cuts short, and does not search by it", async () => {
    const verdictOf = (index: number) => (index >= 2 ? "slower" : "equal");
    const whole = await bisectWith(verdictOf);
    const out = temporaryFolder();
    let left = 2;
    await expect(bisectWith((index) => (left-- > 0 ? verdictOf(index) : "cut short"), out)).rejects.toThrow(
      "the bisection did not end within --time; it has kept 2 steps, and the same command goes on from there: allow more time",
    );
    const resumed = await bisectWith(verdictOf, out);
    expect(resumed.taken).toEqual(whole.taken.slice(2));
    expect(resumed.lines.at(-1)).toBe(whole.lines.at(-1));
  });

  it("does not go on with steps of another machine or Node", async () => {
    const out = temporaryFolder();
    await bisectWith(() => "equal", out);
    const [folder = ""] = readdirSync(out);
    const file = join(out, folder, "bisect.json");
    const state = JSON.parse(readFileSync(file, "utf8"));
    const { machine, ...question } = JSON.parse(state.question);
    const { cpu, cores, node } = describeEnvironment();
    expect(machine).toEqual({ cpu, cores, node });
    const elsewhere = JSON.stringify({ ...question, machine: { ...machine, node: "v99.0.0" } });
    writeFileSync(file, JSON.stringify({ ...state, question: elsewhere }));
    await expect(bisectWith(() => "equal", out)).rejects.toThrow(/is of another bisection: .*v99\.0\.0/);
  });

  it("refuses a damaged state in one line", async () => {
    const out = temporaryFolder();
    await bisectWith(() => "equal", out);
    const [folder = ""] = readdirSync(out);
    const file = join(out, folder, "bisect.json");
    for (const [text, message] of [
      [
        readFileSync(file, "utf8").slice(0, 40),
        /is not the state of a bisection: .*; delete it to start again$/,
      ],
      ['{"version":1,"question":"","steps":[]}', /is of another bisection/],
      ['{"version":1,"question":"","steps":[{"commit":3}]}', /steps\[0\]\.commit: expected text/],
    ] as const) {
      writeFileSync(file, text);
      await expect(bisectWith(() => "equal", out)).rejects.toThrow(message);
    }
  });

  it("exits 0 where the range is no regression, and 3 where that cannot be told", async () => {
    const same = await bisectWith(() => "equal");
    expect(same.code).toBe(0);
    expect(same.lines.at(-1)).toMatch(/ is not slower than .*: nothing to bisect$/);
    expect(same.annotations).toEqual([]);
    await expect(bisectWith(() => "inconclusive")).rejects.toMatchObject({
      name: "IncomparableError",
      message: expect.stringContaining("cannot be told"),
    });
  });

  it("looks for what the step over the whole range found, and for its least if that was inconclusive", () => {
    const step = {
      commit: "",
      attempt: 0,
      slowdown: 0.5,
      interval: [0.3, 0.8],
      reason: "",
    } satisfies Partial<BisectStep>;
    const sought = (over: Pick<BisectStep, "verdict"> & Partial<BisectStep>) =>
      stepLimits(DEFAULT_LIMITS, { ...step, ...over }).maxSlowdown;
    expect(stepLimits(DEFAULT_LIMITS, undefined)).toEqual(DEFAULT_LIMITS);
    expect(sought({ verdict: "slower", subject: "time" })).toBe(0.5);
    expect(sought({ verdict: "inconclusive" })).toBe(0.3);
    expect(sought({ verdict: "inconclusive", interval: [-0.1, 0.8] })).toBe(0.1);
    expect(sought({ verdict: "slower", subject: "error" })).toBe(0.1);
  });

  it("names the range that commits leave open which do not build", async () => {
    const { code, lines, annotations } = await bisectWith((index) =>
      index === 3 || index === 4 ? "broken" : index >= 4 ? "slower" : "equal",
    );
    expect(lines.slice(-4)).toEqual([
      expect.stringMatching(/^the first that is worse, time \+25\.0 % .*, is one of these/),
      `  ${commits[3]} change 3`,
      `  ${commits[4]} change 4`,
      `  ${commits[5]} change 5`,
    ]);
    expect(annotations).toHaveLength(1);
    for (const commit of commits.slice(3, 6)) expect(annotations[0]).toContain(commit);
    expect(code).toBe(1);
  });

  it.each([
    [["--bisect", "HEAD"], /takes two revisions as good\.\.bad, got "HEAD"/],
    [["--bisect", "HEAD..HEAD"], /both are one commit/],
    [["--bisect", "nothing..HEAD"], /takes git revisions, got "nothing"/],
    [["--bisect", "-x..HEAD"], /takes git revisions, got "-x"/],
    [["--bisect", `${commits[3]}..${commits[1]}`], /is no ancestor of/],
    [["--bisect", "HEAD..HEAD", "--baseline", "main"], /--bisect is of one --cell, without --baseline/],
    [["--bisect", "HEAD..HEAD", "--backend", "all"], /--bisect is of one --cell, without --backend/],
  ])("%j exits 2 with one line", async (flags, message) => {
    const { code, stderr } = await call("gate", [
      ...flags,
      "--cell",
      CELL,
      "--no-provision",
      "--out",
      temporaryFolder(),
    ]);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(code).toBe(2);
  });

  it("needs one cell", async () => {
    const { code, stderr } = await call("gate", ["--bisect", "HEAD~1..HEAD", "--out", temporaryFolder()]);
    expect(stderr).toMatch(/--bisect needs --cell with one cell as bench --list prints it, got none/);
    expect(code).toBe(2);
  });
});

describe("a bisection of measured revisions", () => {
  it("names the commit from which on a method takes twice as long", {
    tags: "nightly",
    timeout: 3_600_000,
  }, async () => {
    const commits = commitsAfterHead(6);
    const culprit = 3;
    using slowed = injectedCheckout("slowed", { method: "manual/fused", slowdown: 1 });
    const cache = await cacheWithRevision(git(ROOT, "rev-parse", "HEAD"));
    for (const [index, commit] of commits.entries()) {
      const main = index < culprit ? MAIN : mainPath(slowed.folder);
      await cacheWithRevision(commit, { main, cache });
    }
    const flags = ["--bisect", `HEAD..${commits.at(-1)}`, "--cell", CELL, "--no-provision"];
    const { code, stdout, stderr } = await run("gate", [...flags, "--out", temporaryFolder()], {
      env: { SOFTMAX_BENCH_CACHE: cache },
    });
    expect(code, stderr + stdout).toBe(1);
    const lines = stdout.trim().split("\n");
    expect(lines.at(-1), stdout).toMatch(
      new RegExp(`^${commits[culprit]} is the first that is worse, time \\+.* \\[.*\\]: change 3$`),
    );
    const inconclusive = lines.filter((line) => line.includes("inconclusive, time")).length;
    expect(lines.length - 2 - inconclusive).toBeLessThanOrEqual(Math.log2(6) + 2);
  });
});

/** Replaces a text of a file, and commits. */
function commitChange(
  folder: string,
  path: string,
  [from, to]: readonly [string, string],
  subject: string,
): string {
  const file = join(folder, path);
  const text = readFileSync(file, "utf8");
  expect(text).toContain(from);
  writeFileSync(file, text.replace(from, to));
  git(folder, "commit", "--quiet", "--all", "--no-verify", "--message", subject);
  return git(folder, "rev-parse", "HEAD");
}

describe("a bisection of a clone", () => {
  it("names the commit in the middle that does more work, past one that does not build", {
    tags: "nightly",
    timeout: 5_400_000,
  }, async () => {
    const clone = scratchClone();
    const good = git(clone, "rev-parse", "HEAD");
    const engine = "packages/adapter-wasm-simd/src/engine.ts";
    const gradient = "  async gradient(): Promise<void> {\n";
    const readme = (word: string) =>
      commitChange(clone, "README.md", ["# softmax-bench", `# softmax-bench\n\n${word}`], word);
    readme("First words");
    commitChange(
      clone,
      engine,
      [gradient, `${gradient}    const broken: number = "text";\n`],
      "Break the build",
    );
    commitChange(clone, engine, ['    const broken: number = "text";\n', ""], "Mend the build");
    const work = "    const end = performance.now() + 0.2;\n    while (performance.now() < end);\n";
    const culprit = commitChange(clone, engine, [gradient, `${gradient}${work}`], "Wait a little");
    readme("Last words");
    const out = temporaryFolder();
    const cache = temporaryFolder();
    mkdirSync(cache, { recursive: true });
    const main = join(clone, "apps", "runner", "dist", "main.js");
    const flags = ["--bisect", `${good}..HEAD`, "--cell", CELL, "--no-provision", "--out", out];
    const { code, stdout, stderr } = await start(["gate", ...flags], {
      main,
      cwd: clone,
      env: { SOFTMAX_BENCH_CACHE: cache },
    }).ended;
    expect(code, stderr + stdout).toBe(1);
    const lines = stdout.trim().split("\n");
    expect(lines.at(-1), stdout).toMatch(
      new RegExp(`^${culprit} is the first that is worse, time .* \\[.*\\]: Wait a little$`),
    );
    expect(stdout).toMatch(/skipped: cannot build .* – Break the build/);
    const gates = lines.filter((line) => /^\d+: /.test(line) && !line.includes("skipped"));
    expect(gates.length).toBeLessThanOrEqual(Math.log2(5) + 2);
    expect(existsSync(join(out, readdirSync(out)[0] ?? "", "bisect.json"))).toBe(true);
  });
});
