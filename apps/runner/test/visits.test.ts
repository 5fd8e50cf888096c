import { findWorkload, type MethodId } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";
import { keyOf, type PlannedCell } from "../dist/plan/plan.js";
import { drawVisits, type Visit } from "../dist/plan/visits.js";

const METHODS: readonly MethodId[] = [
  "manual/naive",
  "autograd/naive",
  "manual/fused",
  "autograd/library",
  "manual/shifted",
  "autograd/shifted",
];

const cells: PlannedCell[] = ["8x10", "16x10", "32x10"].flatMap((id) =>
  (["float32", "float64"] as const).flatMap((dtype) => {
    const workload = findWorkload(id);
    if (!workload) throw new Error(`no workload ${id}`);
    return METHODS.map((method) => ({ backend: "b", method, dtype, workload }));
  }),
);

const draw = (round: number, seed = 1, of: readonly PlannedCell[] = cells): Visit[] =>
  drawVisits(of, { seed, round, canHaveTwin: () => true, passes: 1, retries: 0 });
const nameOf = ({ cell, isTwin }: Visit) => `${keyOf(cell)}${isTwin ? " twin" : ""}`;
const groupOf = ({ cell }: Visit) => `${cell.workload.id} ${cell.dtype}`;

describe("the order of a process", () => {
  it("has every cell once, and a twin of one cell of each workload and dtype", () => {
    const visits = draw(0);
    const own = visits.filter(({ isTwin }) => !isTwin).map(({ cell }) => keyOf(cell));
    expect(own.toSorted()).toEqual(cells.map(keyOf).toSorted());
    const twins = visits.filter(({ isTwin }) => isTwin);
    expect(twins.map(groupOf).toSorted()).toEqual([...new Set(visits.map(groupOf))].toSorted());
  });

  it("is drawn from the seed: the same again, another with another seed, another two processes on", () => {
    const order = (round: number, seed?: number) => draw(round, seed).map(nameOf).join();
    expect(order(0)).toBe(order(0));
    expect(order(0)).not.toBe(order(0, 2));
    expect(order(0)).not.toBe(order(2));
  });

  it("is gone through in reverse by the next process, so that of two methods each comes first once", () => {
    expect(draw(1).map(nameOf)).toEqual(draw(0).toReversed().map(nameOf));
    expect(draw(3).map(nameOf)).toEqual(draw(2).toReversed().map(nameOf));
  });

  it("is gone through several times, every second time in reverse", () => {
    const of = (round: number, passes: number) =>
      drawVisits(cells, { seed: 1, round, canHaveTwin: () => true, passes, retries: 0 });
    const [first, second, third] = [0, 1, 2].map((pass) =>
      of(0, 3)
        .filter((visit) => visit.pass === pass)
        .map(nameOf),
    );
    expect(first).toEqual(of(0, 1).map(nameOf));
    expect(second).toEqual(first?.toReversed());
    expect(third).toEqual(first);
  });

  it("is gone through again, in the same turns, for what had no undisturbed cores", () => {
    const visits = drawVisits(cells, { seed: 1, round: 0, canHaveTwin: () => true, passes: 2, retries: 2 });
    const passes = [0, 1, 2, 3].map((of) => visits.filter(({ pass }) => pass === of));
    expect(passes.map((visits) => new Set(visits.map(({ retry }) => retry)))).toEqual(
      [undefined, undefined, 0, 1].map((retry) => new Set([retry])),
    );
    expect(passes[2]?.map(nameOf)).toEqual(passes[0]?.map(nameOf));
    expect(passes[3]?.map(nameOf)).toEqual(passes[1]?.map(nameOf));
  });

  it("keeps the two methods of a comparison together, and the cells of a workload and dtype", () => {
    for (const visits of [draw(0), draw(1), draw(2)]) {
      const groups = visits.map(groupOf);
      expect(groups.filter((group, index) => group !== groups[index - 1])).toHaveLength(6);
      const own = visits.filter(({ isTwin }) => !isTwin);
      for (const [index, { cell }] of own.entries()) {
        if (cell.method !== "manual/naive") continue;
        const neighbours = [own[index - 1], own[index + 1]].map((visit) => visit?.cell);
        expect(
          neighbours.some(
            (other) =>
              other?.method === "autograd/naive" &&
              other.dtype === cell.dtype &&
              other.workload === cell.workload,
          ),
        ).toBe(true);
      }
    }
  });

  it("puts neither by hand nor automatic first more often than chance does", () => {
    let manualFirst = 0;
    const trials = 400;
    for (let seed = 0; seed < trials; seed++) {
      const methods = draw(0, seed).map(({ cell }) => cell.method);
      if (methods.indexOf("manual/fused") < methods.indexOf("autograd/library")) manualFirst++;
    }
    // Binomial: 400 trials of ½ are within 200 ± 40 but for one time in 10,000.
    expect(Math.abs(manualFirst - trials / 2)).toBeLessThan(40);
  });

  it("gives the same cell a twin in every process, only one that can run", () => {
    const twin = (round: number) =>
      draw(round)
        .filter(({ isTwin }) => isTwin)
        .map(nameOf)
        .toSorted();
    expect(twin(0)).toEqual(twin(5));
    const none = drawVisits(cells, { seed: 1, round: 0, canHaveTwin: () => false, passes: 1, retries: 0 });
    expect(none.some(({ isTwin }) => isTwin)).toBe(false);
    const some = drawVisits(cells, {
      seed: 1,
      round: 0,
      canHaveTwin: ({ method, dtype }) => method === "manual/fused" && dtype === "float32",
      passes: 1,
      retries: 0,
    });
    expect(some.filter(({ isTwin }) => isTwin).map(({ cell }) => [cell.method, cell.dtype])).toEqual(
      new Array(3).fill(["manual/fused", "float32"]),
    );
  });

  it("of nothing is nothing", () => {
    expect(draw(0, 1, [])).toEqual([]);
  });
});
