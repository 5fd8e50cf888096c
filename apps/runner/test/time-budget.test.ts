import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { TimeBudget } from "../dist/gate/time-budget.js";

const HOUR_MS = 3_600_000;
const never = new AbortController().signal;
const forever = (signal: AbortSignal) => delay(HOUR_MS, "done", { signal });

describe("a part of a gate", () => {
  it("is done where there is time for it, or no limit", async () => {
    for (const limit of [HOUR_MS, undefined]) {
      using budget = new TimeBudget(limit);
      expect(await budget.attempt("it", never, async () => 7)).toBe(7);
      expect(budget.omitted).toEqual([]);
    }
  });

  it("is ended with the time, which is noted", async () => {
    using budget = new TimeBudget(100);
    expect(await budget.attempt("counting", budget.within(never), forever)).toBeUndefined();
    expect(budget.omitted).toEqual(["There was no time for counting, since --time allows 0.1 s in all."]);
  });

  it("is not begun where later parts need the time", async () => {
    using budget = new TimeBudget(HOUR_MS);
    let isBegun = false;
    const work = async () => {
      isBegun = true;
    };
    expect(await budget.attempt("counting", never, work, 2 * HOUR_MS)).toBeUndefined();
    expect([isBegun, budget.omitted.length]).toEqual([false, 1]);
  });

  it("ends before later parts need the time", async () => {
    using budget = new TimeBudget(HOUR_MS);
    expect(await budget.attempt("counting", never, forever, HOUR_MS - 100)).toBeUndefined();
    expect(budget.isOver).toBe(false);
  });

  it("fails as it would without a limit", async () => {
    using budget = new TimeBudget(HOUR_MS);
    const fail = async () => {
      throw new Error("main crashed");
    };
    await expect(budget.attempt("counting", never, fail)).rejects.toThrow("main crashed");
    const stopped = AbortSignal.abort();
    await expect(budget.attempt("counting", budget.within(stopped), forever)).rejects.toThrow("aborted");
    expect(budget.omitted).toEqual([]);
  });
});
