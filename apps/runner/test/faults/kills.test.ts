import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { bench, onlyRun, start, temporaryFolder } from "../support/cli.js";
import { killCampaign, sum } from "./kill-campaign.js";
import { cellLines, TINY } from "./support.js";

/** `pnpm kills` does hundreds, of every kind. */
const COUNT = 3;

describe(`${COUNT} kills and stops of parents and workers at random moments`, { tags: "nightly" }, () => {
  it("lose no finished cell and leave nothing behind, and the runs end as those that nobody disturbed", async () => {
    const { blows, moments, counts, ...faults } = await killCampaign({ count: COUNT, seed: 8 });
    expect(faults).toEqual({ lostCells: [], orphans: [], filesLeft: [], wrongRuns: [] });
    expect(sum(blows)).toBe(COUNT);
    expect(moments.size).toBeGreaterThan(0);
    expect(counts.runs).toBeGreaterThan(0);
  });
});

describe("a run whose parent was killed", () => {
  it("says so when it is continued, and has no torn last line", async () => {
    const out = temporaryFolder();
    const running = start(["bench", ...TINY, "--out", out]);
    await running.says("[3/10]");
    running.child.kill("SIGKILL");
    await running.ended;
    const { id, journal } = onlyRun(out);
    const finished = cellLines(journal).length;
    const { code, stderr } = await bench(["--resume", id, "--out", out]);
    expect(code).toBe(0);
    expect(stderr).toContain(`the process before was ended by force after ${finished} results: killed`);
    expect(readFileSync(journal, "utf8").endsWith("\n")).toBe(true);
  });
});
