import { testSteadiness } from "@softmax-bench/stats";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { describe, expect, it } from "vitest";

/** Uniform in (0, 1). */
function uniformSource(seed: number): () => number {
  const generator = xoroshiro128plus(seed);
  return () => ((generator.next() >>> 0) + 0.5) / 2 ** 32;
}

/** Standard normal (Box & Muller 1958). */
function normalSource(seed: number): () => number {
  const uniform = uniformSource(seed);
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

type Series = (n: number, seed: number) => number[];

/** Multiplicative noise of a relative deviation, independent. */
const independent =
  (deviation: number): Series =>
  (n, seed) => {
    const normal = normalSource(seed);
    return Array.from({ length: n }, () => Math.exp(deviation * normal()));
  };

/** Noise that lasts: an autoregressive process of order 1. */
const lasting =
  (deviation: number, correlation: number): Series =>
  (n, seed) => {
    const normal = normalSource(seed);
    const innovation = Math.sqrt(1 - correlation ** 2);
    let state = normal();
    return Array.from({ length: n }, () => {
      state = correlation * state + innovation * normal();
      return Math.exp(deviation * state);
    });
  };

/** A neighbour that slows a twentieth of the samples down by a third, in bursts of four. */
const bursts: Series = (n, seed) => {
  const [uniform, flat] = [uniformSource(seed + 1), independent(0.01)(n, seed)];
  let left = 0;
  return flat.map((time) => {
    if (left === 0 && uniform() < 1 / 80) left = 4;
    if (left === 0) return time;
    left--;
    return time * 1.33;
  });
};

/** A series that falls while it is sampled, on top of noise of 1 %. */
const drifting =
  (shape: (share: number) => number, noise = independent(0.01)): Series =>
  (n, seed) =>
    noise(n, seed).map((time, index) => time * shape(index / n));

const TRIALS = 500;

/** The share of series that are called unsettled. */
const unsettledShare = (series: Series, n: number): number =>
  Array.from({ length: TRIALS }, (_, trial) => testSteadiness(series(n, 2 * trial + 1))).filter(
    (steadiness) => steadiness === "unsettled",
  ).length / TRIALS;

describe("testSteadiness, simulated", () => {
  // Error rates of one test of a whole series; 500 series each, so that 2 % has a standard error of 0.6 %. Those of
  // sampling, which tests after every window, are simulated in packages/measure/test/sampling-rates.test.ts.
  it.each([
    ["independent noise of 0.5 %", independent(0.005), 400, 0.005],
    ["independent noise of 2 %", independent(0.02), 40, 0.02],
    ["independent noise of 5 %", independent(0.05), 12, 0.05],
    ["independent noise of 20 %", independent(0.2), 40, 0.05],
    ["noise of 1 % that lasts (ρ = 0.7)", lasting(0.01, 0.7), 40, 0.02],
    ["bursts of a busy neighbour", bursts, 100, 0.01],
  ])("calls flat series with %s unsettled rarely", (_, series, n, most) => {
    expect(unsettledShare(series, n)).toBeLessThanOrEqual(most);
  });

  it.each([
    ["fall by 10 %, steadily", drifting((share) => 1.1 - 0.1 * share), 40],
    ["fall by 50 %, at once in the middle", drifting((share) => (share < 0.5 ? 1.5 : 1)), 40],
    ["fall by 50 %, at once after a quarter", drifting((share) => (share < 0.25 ? 1.5 : 1)), 40],
    [
      "fall as code is optimised: 3 times slower, decaying",
      drifting((share) => 1 + 2 * Math.exp(-4 * share)),
      40,
    ],
    ["rise by 10 %, steadily", drifting((share) => 1 + 0.1 * share), 40],
    ["fall by 10 % under noise of 3 %", drifting((share) => 1.1 - 0.1 * share, independent(0.03)), 100],
  ])("calls series that %s settled rarely", (_, series, n) => {
    expect(1 - unsettledShare(series, n)).toBeLessThanOrEqual(0.05);
  });

  it("lets a drift of 1 % pass, which is below what any run resolves", () => {
    expect(
      unsettledShare(
        drifting((share) => 1.01 - 0.01 * share),
        100,
      ),
    ).toBeLessThanOrEqual(0.01);
  });

  it("does not judge fewer than 10 samples", () => {
    const falling = [20, 19, 18, 17, 16, 15, 14, 13, 12, 11];
    expect(testSteadiness(falling.slice(1))).toBe("untested");
    expect(testSteadiness(falling)).toBe("unsettled");
    expect(testSteadiness(new Array(10).fill(5))).toBe("settled");
  });
});
