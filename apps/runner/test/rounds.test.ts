import { findWorkload } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";
import { loadBackends } from "../dist/plan/load-backends.js";
import { PROFILES } from "../dist/plan/profiles.js";
import type { Entry, Header } from "../dist/results/journal/entries.js";
import { describeFewest } from "../dist/run/describe-fewest.js";
import { RoundTimer } from "../dist/run/round-timer.js";

const SECOND = 1e9;

const cell = (round: number): Entry => ({
  type: "cell",
  round,
  pass: 0,
  backend: "wasm-simd",
  host: undefined,
  method: "manual/fused",
  dtype: "float32",
  workload: "16x10",
  status: "ok",
});

const spent = (seconds: number): Entry => ({
  type: "spent",
  wallNs: { measure: 0.75 * seconds * SECOND, other: 0.25 * seconds * SECOND },
});

/** The number of rounds that a process of the run has, if each takes no time. */
function countRounds(givenMs: number | undefined, done: readonly Entry[] = []): number {
  const timer = new RoundTimer(PROFILES.default, givenMs, done);
  let round = 0;
  while (timer.hasTime(round)) round++;
  return round;
}

describe("the processes of a run", () => {
  it("are at least the profile's fewest, and at most its most, in its time", () => {
    expect(countRounds(0)).toBe(2);
    expect(countRounds(60_000)).toBe(6);
    expect(countRounds(undefined)).toBe(6);
  });

  it("go on after an interruption, in the time that is left", () => {
    const stopped = [cell(0), spent(20)];
    expect(countRounds(1_800_000, stopped)).toBe(6);
    // Another like the first one takes 20 s, and 15 s are left.
    expect(countRounds(35_000, stopped)).toBe(2);
    expect(countRounds(45_000, [...stopped, cell(1), spent(20)])).toBe(2);
    expect(countRounds(65_000, [...stopped, cell(1), spent(20)])).toBe(6);
  });

  it("have what is left after the samples of a process that was killed", () => {
    const sampling = { steadiness: { gradient: "settled" }, windowsNs: 12 * SECOND };
    const killed = [cell(0), { ...cell(1), sampling } as Entry];
    expect(countRounds(20_000, killed)).toBe(6);
    expect(countRounds(15_000, killed)).toBe(2);
  });

  it("include one that had begun, even if the time is over", () => {
    expect(countRounds(1000, [cell(0), cell(1), cell(2), spent(20)])).toBe(3);
  });
});

describe("a run whose fewest processes take longer than its time", () => {
  const expected = async (timeMs: number, profile: Header["profile"] = "default") => {
    const workload = findWorkload("seed-3200");
    if (!workload) throw new Error("no workload");
    const backends = ["tfjs-wasm"];
    const planned = { backend: "tfjs-wasm", method: "autograd/naive", dtype: "float32", workload } as const;
    return describeFewest(
      [planned],
      { profile, timeMs, backends } as unknown as Header,
      await loadBackends(backends),
    );
  };

  it("says so, and how long they take", async () => {
    expect(await expected(1000)).toMatch(
      /^2 processes of each cell are measured in any case, which takes about [\d.]+s, longer than the 1\.0s of the run; /,
    );
  });

  it("is none that has the time, or whose profile has no further ones", async () => {
    expect(await expected(3_600_000)).toBeUndefined();
    expect(await expected(1, "smoke")).toBeUndefined();
    expect(await expected(1, "full")).toBeUndefined();
  });
});
