import { readdirSync, readFileSync } from "node:fs";
import { type Duplex, duplexPair } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { onLine, sendLine } from "@softmax-bench/host-node";
import { describe, expect, it } from "vitest";
import { TurnScheduler } from "../dist/gate/turn-scheduler.js";
import { call, start, temporaryFolder } from "./support/cli.js";
import { cacheWithRevision, otherCommit } from "./support/revision.js";

/** A run that does what it is told to, one step after the other, and notes it when it has its turn. */
function runOf(name: string, steps: string[], notes: string[]): Duplex {
  const [ours, theirs] = duplexPair();
  const ask = () => {
    const wants = steps.shift();
    if (wants === undefined) ours.destroy();
    else sendLine(ours, { wants });
  };
  onLine(ours, () => {
    notes.push(name);
    setImmediate(ask);
  });
  // An end that is closed is one that the other end sees closed.
  ours.on("close", () => theirs.destroy());
  ask();
  return theirs;
}

async function turnsOf(plans: Readonly<Record<string, string[]>>): Promise<string> {
  const notes: string[] = [];
  const giver = new TurnScheduler(Object.keys(plans).length);
  const ends = Object.entries(plans).map(([name, steps]) => runOf(name, [...steps], notes));
  for (const end of ends) giver.join(end);
  while (ends.some(({ destroyed }) => !destroyed)) await delay(1);
  return notes.join("");
}

describe("turns", () => {
  it("let every run measure one cell, in their order, and prepare beside each other", async () => {
    const steps = ["prepare", "cell", "cell", "prepare", "cell"];
    expect(await turnsOf({ a: steps, b: steps, c: steps })).toBe("abcabcabcabcabc");
  });

  it("go on without a run that has ended", async () => {
    expect(await turnsOf({ a: ["cell", "cell", "cell"], b: ["cell"] })).toBe("abaa");
  });

  it("are given to nobody while one prepares", async () => {
    expect(await turnsOf({ a: ["prepare", "prepare", "cell"], b: ["cell", "cell"] })).toBe("aaabb");
  });

  it("are given one at a time to who asks for something unknown", async () => {
    expect(await turnsOf({ a: ["what", "what"], b: ["cell", "cell"] })).toBe("abab");
  });
});

describe("--in-turns", () => {
  it("is refused where nobody gives turns", async () => {
    const { code, stderr } = await call("bench", [
      "--in-turns",
      "--backend",
      "jax-js",
      "--out",
      temporaryFolder(),
    ]);
    expect(stderr.trim()).toBe(
      "bench: --in-turns is for pnpm gate, which starts runs with a channel to take turns by",
    );
    expect(code).toBe(2);
  });
});

describe("a gate one of whose runs is killed", () => {
  it("says so, exits 2 and leaves no run behind", async () => {
    const small = ["--backend", "jax-js", "--dtype", "float32", "--workload", "64x100"];
    const commit = otherCommit();
    const args = ["--baseline", commit, ...small, "--no-provision", "--out", temporaryFolder()];
    const gate = start(["gate", ...args], {
      env: { SOFTMAX_BENCH_CACHE: await cacheWithRevision(commit) },
    });
    await gate.says("first look: block 1");
    const runs = await runsUnder(gate.child.pid as number);
    process.kill(runs[0] as number, "SIGKILL");
    const { code, stderr } = await gate.ended;
    expect(stderr.trim().split("\n").at(-1)).toMatch(/was ended by SIGKILL/);
    expect(code).toBe(2);
    for (const run of runs) expect(() => process.kill(run, 0)).toThrow("ESRCH");
  });
});

/** Processes of both runs of a gate, when there are both. */
async function runsUnder(gate: number): Promise<number[]> {
  for (;;) {
    const runs = readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && isRunOf(pid, gate));
    if (runs.length === 2) return runs.map(Number);
    await delay(5);
  }
}

function isRunOf(pid: string, parent: number): boolean {
  try {
    const after = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1] as string;
    return (
      Number(after.split(" ")[1]) === parent &&
      readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("--in-turns")
    );
  } catch {
    return false;
  }
}
