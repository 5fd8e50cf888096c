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
  const text = markdownOf(
    resultsOf({
      machines,
      resolution: { groups, identicalPairs: [] },
      // The resolution is 2 %.
      cells: [...on("a", 100, 101), ...on("b", 100, 150)],
    }),
  ).replaceAll("\\", "");

  it("mark a ratio that a machine cannot tell from 1", () => {
    const row = linesWith(text.slice(text.indexOf("Across machines")), "| other ")[0] ?? "";
    expect(row).toMatch(/= 1\.01× \(101 µs\)/);
    expect(row).toMatch(/\| +1\.50× \(150 µs\)/);
  });
});
