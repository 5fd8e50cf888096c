import {
  areTied,
  estimateResolution as estimateWith,
  jointResolution,
  median,
  type Replicates,
  rankWithTies,
  replicateDifferences,
} from "@softmax-bench/stats";
import fc, { assert, property } from "fast-check";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { describe, expect, it } from "vitest";

function uniformSource(seed: number): () => number {
  const generator = xoroshiro128plus(seed);
  return () => ((generator.next() >>> 0) + 0.5) / 2 ** 32;
}

function normalSource(seed: number): () => number {
  const uniform = uniformSource(seed);
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Without any assumption: what the replicates alone show. */
const estimateResolution = (replicates: Omit<Replicates, "assumed">) =>
  estimateWith({ ...replicates, assumed: 0 });

describe("estimateResolution", () => {
  it("is unknown from one process and no A/A pair", () => {
    expect(estimateResolution({ processTimes: [[10], [20]], pairs: [] })).toBeUndefined();
  });

  it("is what a single A/A pair differs by, if there is nothing else", () => {
    expect(estimateResolution({ processTimes: [[10]], pairs: [[10, 11]] })).toBeCloseTo(0.1, 12);
    expect(estimateResolution({ processTimes: [[10]], pairs: [[11, 10]] })).toBeCloseTo(0.1, 12);
  });

  it("covers the pair that it is made from, rounding or not", () => {
    assert(
      property(
        fc.double({ min: 1, max: 1e9, noNaN: true }),
        fc.double({ min: 1, max: 3, noNaN: true }),
        (time, ratio) => {
          const resolution = estimateResolution({ processTimes: [], pairs: [[time, time * ratio]] });
          expect(areTied({ time, resolution }, { time: time * ratio, resolution })).toBe(true);
        },
      ),
    );
  });

  it("is the largest difference where there are too few for a quantile", () => {
    const pairs = [
      [10, 10.5],
      [13, 10],
    ] as const;
    expect(estimateResolution({ processTimes: [], pairs })).toBeCloseTo(0.3, 12);
  });

  it("is as wide as Student's t makes it where there are few, but not beyond what is assumed without any", () => {
    const pairs = [[100, 101] as const];
    // t of one degree of freedom at 97.5 % is 12.706, of two 4.303.
    expect(estimateWith({ processTimes: [], pairs, assumed: 1 })).toBeCloseTo(1.01 ** 12.706 - 1, 4);
    expect(estimateWith({ processTimes: [], pairs: [...pairs, ...pairs], assumed: 1 })).toBeCloseTo(
      1.01 ** 4.303 - 1,
      4,
    );
    expect(estimateWith({ processTimes: [], pairs, assumed: 0.1 })).toBeCloseTo(0.1, 12);
    expect(estimateWith({ processTimes: [], pairs: [[100, 140]], assumed: 0.1 })).toBeCloseTo(0.4, 12);
  });

  it.each([2, 4, 8, 16])(
    "leaves 2 to 7 percent of identical pairs outside, from %i differences with even noise",
    (count) => {
      const normal = normalSource(count);
      const pair = (): [number, number] => [1, Math.exp(0.03 * normal())];
      const outside = Array.from({ length: 3000 }, () => {
        const pairs = Array.from({ length: count }, pair);
        const resolution = estimateWith({ processTimes: [], pairs, assumed: 10 });
        const [time, other] = pair();
        return !areTied({ time, resolution }, { time: other, resolution });
      });
      const share = outside.filter(Boolean).length / outside.length;
      expect(share).toBeGreaterThan(0.02);
      expect(share).toBeLessThan(0.07);
    },
  );

  it("is that of the fewest processes that any of the compared medians is over", () => {
    const processTimes = [[10, 12]];
    expect(estimateResolution({ processTimes, processes: 1, pairs: [] })).toBeCloseTo(0.2, 12);
    // The median of two varies by √½ of what one does, in logarithms.
    expect(estimateResolution({ processTimes, pairs: [] })).toBeCloseTo(1.2 ** Math.SQRT1_2 - 1, 12);
  });

  it("takes the larger of what more than two processes and A/A pairs show", () => {
    const steady = Array.from({ length: 10 }, () => [10, 10, 10]);
    expect(estimateResolution({ processTimes: steady, pairs: [[10, 12]] })).toBeCloseTo(0.2, 12);
  });

  it("takes processes and A/A pairs as one sample, up to two processes", () => {
    const steady = Array.from({ length: 10 }, () => [10, 10]);
    expect(estimateResolution({ processTimes: steady, pairs: [[10, 12]] })).toBeCloseTo(0.2, 12);
    expect(estimateResolution({ processTimes: [[10, 20]], pairs: [[10, 10]] })).toBeGreaterThan(0.5);
    const many = Array.from({ length: 60 }, () => [10, 10]);
    expect(estimateResolution({ processTimes: many, pairs: [[10, 12]] })).toBeCloseTo(0, 12);
  });

  // The question that it answers: how often are medians over processes of identical code further apart?
  describe.each([
    ["even noise", (normal, _) => 0.03 * normal()],
    [
      "a twentieth of processes that take much longer",
      (normal, uniform) => 0.03 * normal() + (uniform() < 0.05 ? 0.5 : 0),
    ],
  ] as const satisfies [string, (normal: () => number, uniform: () => number) => number][])(
    "of %s",
    (_, noise) => {
      it.each([2, 3, 4, 6])(
        "leaves 1 to 10 percent of identical pairs outside, with %i processes",
        (processes) => {
          const [normal, uniform] = [normalSource(processes), uniformSource(processes)];
          const times = () => Array.from({ length: processes }, () => Math.exp(noise(normal, uniform)));
          let [outside, pairs] = [0, 0];
          for (let run = 0; run < 150; run++) {
            const resolution = estimateResolution({
              processTimes: Array.from({ length: 20 }, times),
              pairs: [],
            });
            for (let pair = 0; pair < 20; pair++, pairs++) {
              const [a, b] = [times(), times()].map((time) => ({ time: median(time), resolution }));
              if (a && b && !areTied(a, b)) outside++;
            }
          }
          expect(outside / pairs).toBeGreaterThan(0.01);
          expect(outside / pairs).toBeLessThan(0.1);
        },
      );
    },
  );

  it("is fine where a median of several processes leaves out the one that took longer", () => {
    const processTimes = Array.from({ length: 20 }, (_, cell) => [
      10,
      10.1,
      cell === 7 ? 20 : 9.9,
      10,
      10.05,
    ]);
    expect(estimateResolution({ processTimes, processes: 1, pairs: [] })).toBeGreaterThan(0.01);
    expect(estimateResolution({ processTimes, processes: 5, pairs: [] })).toBeLessThan(0.02);
    expect(estimateResolution({ processTimes, processes: 5, pairs: [] })).toBe(
      estimateResolution({ processTimes, processes: 5, pairs: [] }),
    );
  });

  it("compares every pair of processes of a cell", () => {
    const differences = replicateDifferences([1, 2, 4]);
    expect(differences.map((d) => Math.exp(d).toFixed(6))).toEqual(["2.000000", "4.000000", "2.000000"]);
  });
});

describe("jointResolution", () => {
  it("is the resolution of either, where they are equal, and lies between them otherwise", () => {
    expect(jointResolution(0.04, 0.04)).toBeCloseTo(0.04, 12);
    expect(jointResolution(0, 0.1)).toBeGreaterThan(0);
    expect(jointResolution(0, 0.1)).toBeLessThan(0.1);
  });
});

describe("ties", () => {
  it("are times closer than the resolution, whatever their own intervals say", () => {
    expect(areTied({ time: 100, resolution: 0.03 }, { time: 102.9, resolution: 0.03 })).toBe(true);
    expect(areTied({ time: 100, resolution: 0.03 }, { time: 103.1, resolution: 0.03 })).toBe(false);
  });

  it("are all times of which nobody knows the resolution", () => {
    expect(areTied({ time: 1, resolution: undefined }, { time: 9, resolution: 0.01 })).toBe(true);
  });

  it("share the rank of the fastest among them; ranks go on behind them", () => {
    const times = [100, 102, 104, 130, 90].map((time) => ({ time, resolution: 0.03 }));
    // 90 alone; 100 and 102 tie; 104 is 4 % behind 100, its group's fastest; 130 is last.
    expect(rankWithTies(times)).toEqual([2, 2, 4, 5, 1]);
    expect(rankWithTies([])).toEqual([]);
  });

  it("do not depend on the order of the entries", () => {
    const entry = fc.record({
      time: fc.integer({ min: 1, max: 200 }),
      resolution: fc.constantFrom(0, 0.01, 0.05, 0.3),
    });
    assert(
      property(fc.array(entry, { maxLength: 12 }), fc.infiniteStream(fc.nat()), (entries, numbers) => {
        const ranks = rankWithTies(entries);
        const order = entries.map((_, index) => index).sort(() => (numbers.next().value % 2 ? 1 : -1));
        const permuted = rankWithTies(order.map((index) => entries[index] as never));
        const back = new Array(entries.length);
        for (const [position, index] of order.entries()) back[index] = permuted[position];
        expect(back).toEqual(ranks);
      }),
    );
  });
});
