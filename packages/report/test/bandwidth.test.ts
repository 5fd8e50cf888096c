import { describe, expect, it } from "vitest";
import { achievedBandwidth } from "../src/model.js";
import { backend, measured, resultsOf } from "./support/results.js";

/** 512×512 float32: 2 MiB of logits and gradient. */
const BYTES = 2 * 512 * 512 * 4;

const resultsWith = (threads: number, kind: "cpu" | "gpu" | "software-gpu" = "cpu") =>
  resultsOf({
    backends: [backend({ threads, device: { kind, name: "some" } })],
    environment: {
      copyBandwidth: [
        { threads: 1, bytesPerSecond: 10e9 },
        { threads: 4, bytesPerSecond: 25e9 },
      ],
      cacheBytes: 2 ** 20,
    },
  });

const CELL = measured("manual/fused", { us: 1000 });

describe("achieved bandwidth", () => {
  it("is logits and gradient over the time, against a copy with as many threads", () => {
    const achieved = achievedBandwidth(CELL, resultsWith(4));
    expect(achieved?.bytesPerSecond).toBeCloseTo(BYTES * 1e3, 0);
    expect(achieved?.share).toBeCloseTo((BYTES * 1e3) / 25e9, 12);
    expect(achieved?.inCache).toBe(false);
  });

  it("takes the next fewer threads that were measured", () => {
    expect(achievedBandwidth(CELL, resultsWith(3))?.share).toBeCloseTo((BYTES * 1e3) / 10e9, 12);
  });

  it("says that data in cache are not limited by memory", () => {
    const results = resultsWith(1);
    results.environment.cacheBytes = BYTES;
    expect(achievedBandwidth(CELL, results)?.inCache).toBe(true);
  });

  it("is unknown on a GPU, of another memory, and where no copy was measured", () => {
    expect(achievedBandwidth(CELL, resultsWith(1, "gpu"))).toBeUndefined();
    expect(achievedBandwidth(CELL, resultsWith(1, "software-gpu"))?.share).toBeCloseTo(
      (BYTES * 1e3) / 10e9,
      12,
    );
    expect(achievedBandwidth(CELL, resultsOf())).toBeUndefined();
    expect(achievedBandwidth({ ...CELL, timing: undefined }, resultsWith(1))).toBeUndefined();
  });
});
