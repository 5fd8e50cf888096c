import type { RankedCell } from "@softmax-bench/report/model";
import { describe, expect, it } from "vitest";
import { paretoFront } from "../src/model/pareto.js";

type Made = Partial<Pick<RankedCell["timing"], "steadiness">> & { readonly resolution?: number };

/** A cell with a resolution of 10 %. */
const made = (method: string, medianNs: number, relL2: number, { resolution = 0.1, ...timing }: Made = {}) =>
  ({ method, resolution, timing: { medianNs, ...timing }, error: { relL2 } }) as RankedCell;

const frontOf = (...cells: RankedCell[]) =>
  paretoFront(cells, ({ error }) => error.relL2).map(({ method }) => method);

describe("the line of precision against speed", () => {
  it("joins cells from the fastest to the most exact, without those that are slower and no more exact", () => {
    const cells = [made("exact", 400, 1), made("bad", 200, 3), made("fast", 100, 3), made("worse", 300, 5)];
    expect(frontOf(...cells)).toEqual(["fast", "exact"]);
  });

  it("keeps a cell that is slower by no more than the joint resolution of both", () => {
    expect(frontOf(made("a", 100, 1), made("tied", 109, 1), made("slower", 112, 1))).toEqual(["a", "tied"]);
    // exp(√((ln² 1.1 + ln² 1.5) / 2)) − 1 = 0.34
    const coarse = (medianNs: number) => made("coarse", medianNs, 1, { resolution: 0.5 });
    expect(frontOf(made("a", 100, 1), coarse(133))).toEqual(["a", "coarse"]);
    expect(frontOf(made("a", 100, 1), coarse(136))).toEqual(["a"]);
  });

  it("leaves out times that had not settled, even if none had", () => {
    const unsettled = made("unsettled", 50, 0, { steadiness: "unsettled" });
    expect(frontOf(unsettled, made("a", 100, 1), made("b", 99, 0, { steadiness: "untested" }))).toEqual([
      "a",
    ]);
    expect(frontOf(unsettled)).toEqual([]);
  });
});
