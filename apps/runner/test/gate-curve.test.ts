import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { assignSlowdowns, SLOWDOWNS } from "../dist/gate/validation/curve/design.js";
import { injectedInto } from "../dist/gate/validation/curve/measure-curve.js";
import { call, temporaryFolder } from "./support/cli.js";

const CELLS = Array.from({ length: 40 }, (_, index) => `tfjs-wasm manual/fused float32 ${index + 2}x2`);

describe("slowdowns of a curve", () => {
  it("are in every round, and over all rounds each of every cell", () => {
    const rounds = SLOWDOWNS.time.map((_, round) => assignSlowdowns(CELLS, "time", round));
    const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b);
    for (const cell of CELLS) {
      expect(sorted(rounds.map((round) => round.get(cell) ?? Number.NaN))).toEqual(sorted(SLOWDOWNS.time));
    }
    for (const round of rounds) expect(new Set(round.values())).toEqual(new Set(SLOWDOWNS.time));
  });

  it("are those of the measured cells: a cell by another name is no cell without a slowdown", () => {
    const slowdowns = new Map([["tfjs-wasm@chromium manual/fused float32 2x2", 0.1]]);
    expect(injectedInto("tfjs-wasm@chromium manual/fused float32 2x2", slowdowns)).toBe(0.1);
    expect(() => injectedInto("tfjs-wasm manual/fused float32 2x2", slowdowns)).toThrow(
      "expected one of the 1 cells that are slowed, such as tfjs-wasm@chromium manual/fused float32 2x2, got tfjs-wasm manual/fused float32 2x2",
    );
  });

  it("do not follow the order of cells", () => {
    const [round] = [assignSlowdowns(CELLS, "time", 0)];
    const first = CELLS.slice(0, 11).map((cell) => round.get(cell));
    expect(first).not.toEqual(SLOWDOWNS.time);
  });
});

describe("pnpm gate validate --curve", () => {
  const header = {
    type: "curve",
    measure: "time",
    busy: false,
    commit: null,
    cpu: "a processor",
    cores: 2,
    node: "v20.0.0",
    startedAt: "2026-01-01T00:00:00.000Z",
    work: { [CELLS[0] as string]: 1000 },
  };
  const cell = (slowdown: number, verdict: string, after: number[]) => ({
    cell: CELLS[0],
    slowdown,
    verdict,
    found: slowdown,
    processes: [
      { side: "baseline", value: 100, samples: [100, 101, 102, 103] },
      { side: "candidate", value: Math.min(...after), samples: after },
    ],
  });
  const write = (...lines: object[]): string => {
    const out = temporaryFolder();
    writeFileSync(join(out, "journal.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    return out;
  };
  const round = {
    type: "round",
    id: "round 1",
    seconds: 60,
    broken: [],
    cells: [
      cell(0, "pass", [100, 101, 102, 103]),
      cell(0, "pass", [113, 114, 115, 116]),
      cell(0.1, "regression", [110, 111, 112, 113]),
      cell(0.1, "inconclusive", [104, 105, 106, 107]),
    ],
  };

  it("draws a finished journal, of whatever machine, and says what other rules find", async () => {
    const out = write(header, round);
    const { code, stderr } = await call("gate", ["validate", "--curve", "--rounds", "1", "--out", out]);
    expect(stderr).toBe(`wrote ${join(out, "curve.md")}\n`);
    expect(code).toBe(0);
    const rows = readFileSync(join(out, "curve.md"), "utf8")
      .split("\n")
      .filter((line) => line.startsWith("|"));
    const columns = (row: string | undefined) => row?.split("|").map((text) => text.trim());
    const cells = (row: string | undefined) => columns(row)?.map((text) => text.replace(/ \(.*/, ""));
    expect(columns(rows[0])).toEqual([
      ...["", "true slowdown", "trials", "gate: regression", "inconclusive"],
      ...["one run each, above 10 %", "one run each, above 5 %", "t-test on samples"],
      ...["Mann–Whitney on samples", "change point of all processes", ""],
    ]);
    const row = (level: string) => cells(rows.find((text) => text.startsWith(`| ${level} `)));
    expect(row("0 %")).toEqual(["", "0 %", "2", "0", "0", "1", "1", "1", "1", "0", ""]);
    expect(row("10 %")).toEqual(["", "10 %", "2", "1", "1", "0", "1", "2", "2", "0", ""]);
  });

  it("measures nothing for the journal of another curve", async () => {
    const out = write(header, round);
    const { code, stderr } = await call("gate", ["validate", "--curve", "--rounds", "2", "--out", out]);
    expect(stderr).toMatch(/was begun with \w+ .*, and now it is .*; delete it, or choose another --out/);
    expect(code).toBe(2);
  });

  it.each([
    [["--curve", "--rounds", "0"], "--rounds takes a whole number from 1 to 1000"],
    [["--rounds", "3"], "--rounds is for a curve; add --curve"],
    [["--busy"], "--busy is for a curve; add --curve"],
    [["--curve", "--quick"], "cannot be used with option '--"],
    [["--curve", "--instructions", "--host", "chromium"], "cannot be used with option '--"],
  ])("refuses %j", async (flags, why) => {
    const { code, stderr } = await call("gate", ["validate", ...flags, "--out", temporaryFolder()]);
    expect(stderr).toContain(why);
    expect(code).toBe(2);
  });

  it("refuses a journal with an invalid line", async () => {
    const out = write(header, { ...round, seconds: -1 });
    const { code, stderr } = await call("gate", ["validate", "--curve", "--rounds", "1", "--out", out]);
    expect(stderr).toMatch(/journal\.jsonl:2: .*; delete the file to start again/);
    expect(code).toBe(2);
  });

  it("counts instructions of cells that are slowed by different amounts", { tags: "nightly" }, async () => {
    const out = temporaryFolder();
    const args = ["validate", "--curve", "--instructions", "--rounds", "1", "--out", out];
    const { code, stderr } = await call("gate", args);
    expect(code, stderr).toBe(0);
    const page = readFileSync(join(out, "curve.md"), "utf8");
    expect(page).toMatch(/^\| 0 % \| \d+ \| 0 \(/m);
    expect(page).toMatch(/^\| 10 % \| (\d+) \| \1 \(/m);
  });
});
