import type { Cell } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";
import { linesWith, markdownOf, measured, RESOLUTION, resultsOf } from "./support/results.js";

describe("cells of several machines, side by side", () => {
  const environment = resultsOf({ cells: [] }).environment;
  const machines = ["a", "b"].map((id) => ({ id, environment }));
  const groups = machines.flatMap(({ id }) => RESOLUTION.groups.map((group) => ({ ...group, machine: id })));
  const on = (machine: string, fastUs: number, otherUs: number) => [
    measured("fast", { us: fastUs }, { machine }),
    measured("other", { us: otherUs }, { machine }),
  ];
  const rowOfOther = (...cells: Cell[]) => {
    // The resolution is 2 %.
    const results = resultsOf({ machines, resolution: { groups, identicalPairs: [] }, cells });
    const text = markdownOf(results).replaceAll("\\", "");
    return linesWith(text.slice(text.indexOf("Across machines")), "| other ")[0] ?? "";
  };

  it("mark a ratio that a machine cannot tell from 1", () => {
    const row = rowOfOther(...on("a", 100, 101), ...on("b", 100, 150));
    expect(row).toMatch(/= 1\.01× \(101 µs\)/);
    expect(row).toMatch(/\| +1\.50× \(150 µs\)/);
  });

  it("mark a time that had not settled", () => {
    const falling = measured("other", { us: 150, time: { steadiness: "unsettled" } }, { machine: "b" });
    const row = rowOfOther(...on("a", 100, 150), measured("fast", {}, { machine: "b" }), falling);
    expect(row).toMatch(/\| +1\.50× \(150 µs\) \| +1\.50× \(150 µs, unsettled\)/);
  });
});
