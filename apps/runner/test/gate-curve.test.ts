import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { BusyCore } from "../dist/gate/validation/curve/busy-core.js";
import { assignSlowdowns, SLOWDOWNS } from "../dist/gate/validation/curve/design.js";
import { injectedInto } from "../dist/gate/validation/curve/measure-curve.js";
import { classesFor, growing, slowing } from "../dist/gate/validation/curve/work.js";
import { requireCommitted } from "../dist/gate/validation/line-journal.js";
import { call, temporaryFolder } from "./support/cli.js";

const CELLS = Array.from({ length: 40 }, (_, index) => `tfjs-wasm manual/fused float32 ${index + 2}x2`);

const isRunning = (pid: number): boolean => {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
};

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

describe("the work that slows a cell down", () => {
  const points = [
    { classes: 2, ns: 1000 },
    { classes: 500, ns: 1100 },
    { classes: 1000, ns: 1250 },
  ];

  it.each([
    [0, 2],
    [0.05, 251],
    [0.1, 500],
    [0.25, 1000],
  ])("for %d is a gradient with %d classes, as measured calls say", (slowdown, classes) => {
    expect(classesFor(points, slowdown)).toBe(classes);
  });

  it("is between measured calls, never beyond them", () => {
    expect(() => classesFor(points, 0.3)).toThrow(RangeError);
    expect(() => classesFor([{ classes: 2, ns: 1000 }], 0)).toThrow(RangeError);
  });

  it("is measured by calls that are slower than any slowdown, without inner ones that are out of order", () => {
    const calls = (...times: number[]) => times.map((ns, index) => ({ classes: 500 * index + 2, ns }));
    expect(growing(calls(100, 110, 125))).toEqual(calls(100, 110, 125));
    expect(growing(calls(100, 126, 125))?.map(({ ns }) => ns)).toEqual([100, 125]);
    expect(growing(calls(100, 90, 125))?.map(({ ns }) => ns)).toEqual([100, 125]);
    expect(growing(calls(100, 110, 119))).toBeUndefined();
    expect(growing(calls(100, 110, Number.NaN))).toBeUndefined();
  });

  it("is computed on half of the rows, with next to no classes in a cell that is not slowed", () => {
    const cells = [
      "onnxruntime-web@chromium manual/fused float32 256x1000",
      "tfjs-wasm manual/naive float32 9x2",
    ];
    const [slowed = "", unchanged = ""] = cells;
    const also = (cell: string) => (cell === slowed ? 0.1 : 0);
    expect(slowing({ [slowed]: points, [unchanged]: points }, also)).toEqual({
      rounds: {},
      also: {
        "onnxruntime-web manual/fused float32 256x1000": "128x500",
        "tfjs-wasm manual/naive float32 9x2": "5x2",
      },
    });
    expect(slowing({ [unchanged]: 5000 }, () => 0.01)).toEqual({
      rounds: { "tfjs-wasm manual/naive float32 9x2": 50 },
      also: {},
    });
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
      ...["", "true slowdown", "trials", "gate: regression", "inconclusive", "estimate"],
      ...["one run each, above 10 %", "one run each, above 5 %", "t-test on samples"],
      ...["Mann–Whitney on samples", "change point of all processes", ""],
    ]);
    const row = (level: string) => cells(rows.find((text) => text.startsWith(`| ${level} `)));
    expect(row("0 %")).toEqual(["", "0 %", "2", "0", "0", "0 %", "1", "1", "1", "1", "", ""]);
    expect(row("10 %")).toEqual(["", "10 %", "2", "1", "1", "10 %", "0", "1", "2", "2", "", ""]);
  });

  it("says what slowed the cells down", async () => {
    const pageOf = async (work: unknown) => {
      const out = write({ ...header, work: { [CELLS[0] as string]: work } }, round);
      await call("gate", ["validate", "--curve", "--rounds", "1", "--out", out]);
      return readFileSync(join(out, "curve.md"), "utf8");
    };
    const calls = [
      { classes: 2, ns: 1000 },
      { classes: 1000, ns: 1250 },
    ];
    expect(await pageOf(1000)).toContain("by arithmetic of one thread after each gradient");
    expect(await pageOf(calls)).toContain(
      "by a second gradient, of half as many rows, which the same method computes before each one",
    );
  });

  it("counts change points among the cells with enough processes to show one", async () => {
    const processes = (side: string, level: number) =>
      Array.from({ length: 8 }, (_, index) => ({ side, value: level + (index % 3) }));
    const withProcesses = {
      ...cell(0.2, "regression", [120]),
      processes: [...processes("baseline", 100), ...processes("candidate", 120)],
    };
    const out = write(header, { ...round, cells: [withProcesses, cell(0.2, "pass", [120, 121])] });
    await call("gate", ["validate", "--curve", "--rounds", "1", "--out", out]);
    const page = readFileSync(join(out, "curve.md"), "utf8");
    expect(page).toMatch(/^\| 20 % \| 2 \| .* \| 1 of 1 \(21 to 100 %\) \|$/m);
  });

  it("counts false alarms of either direction, and gates on a busy machine", async () => {
    const cells = ["pass", "regression", "improvement", "pass"].map((verdict) =>
      cell(0, verdict, [100, 101]),
    );
    const out = write(header, { ...round, busy: "other programs used 1 of 2 cores", cells });
    await call("gate", ["validate", "--curve", "--rounds", "1", "--out", out]);
    const page = readFileSync(join(out, "curve.md"), "utf8");
    expect(page).toContain(
      "Of 4 unchanged cells 1 was called a regression and 1 an improvement: at most 850 false alarms in 1,000 cells, by the interval.",
    );
    expect(page).toContain("1 gate took the machine for busy.");
  });

  const KEPT = [
    "20261129-curve-instructions",
    "20261130-curve-time",
    "20261130-curve-time-5-percent",
    "20261130-curve-time-busy",
    "20261130-curve-kernel-5-percent",
    "20261130-curve-kernel-chromium",
  ];
  /** The one whose table is in the document. */
  const SHOWN = "20261130-curve-kernel-5-percent";
  it.each(KEPT)("draws what is kept of %s", async (run) => {
    const kept = fileURLToPath(new URL(`../../../docs/runs/${run}/`, import.meta.url));
    const journal = readFileSync(join(kept, "journal.jsonl"), "utf8");
    const [first = "{}", ...rounds] = journal.trimEnd().split("\n");
    const { measure, busy, browser, maxSlowdown } = JSON.parse(first);
    const out = temporaryFolder();
    writeFileSync(join(out, "journal.jsonl"), journal);
    const flags = [
      ...(measure === "instructions" ? ["--instructions"] : []),
      ...(busy ? ["--busy"] : []),
      ...(browser ? ["--host", browser] : []),
      ...(maxSlowdown ? ["--max-slowdown", `${100 * maxSlowdown}%`] : []),
    ];
    const args = ["validate", "--curve", ...flags, "--rounds", String(rounds.length), "--out", out];
    const { code, stderr } = await call("gate", args);
    expect(code, stderr).toBe(0);
    const normal = (text: string) => text.replace(/ +/g, " ").replace(/\| -+: /g, "| ---: ");
    const page = normal(readFileSync(join(out, "curve.md"), "utf8"));
    expect(normal(readFileSync(join(kept, "curve.md"), "utf8"))).toBe(page);
    const document = readFileSync(new URL("../../../docs/regression-gate.md", import.meta.url), "utf8");
    expect(normal(document)).toContain(
      summaryRow(
        run,
        JSON.parse(first),
        rounds.map((line) => JSON.parse(line)),
      ),
    );
    if (run !== SHOWN) return;
    for (const row of page.split("\n").filter((line) => line.startsWith("| ")))
      expect(normal(document)).toContain(row);
  });

  interface Kept {
    readonly measure: string;
    readonly busy: boolean;
    readonly browser?: string;
    readonly maxSlowdown?: number;
    readonly work: Readonly<Record<string, unknown>>;
  }
  interface KeptRound {
    readonly seconds: number;
    readonly cells: readonly { readonly slowdown: number; readonly verdict: string }[];
  }

  /** A curve in the table of all curves in docs/regression-gate.md. */
  function summaryRow(run: string, header: Kept, rounds: readonly KeptRound[]): string {
    const limit = header.measure === "time" ? (header.maxSlowdown ?? 0.1) : 0.01;
    const cells = rounds.flatMap((round) => round.cells);
    const redOf = (isOne: (slowdown: number) => boolean) => {
      const own = cells.filter(({ slowdown }) => isOne(slowdown));
      return `${own.filter(({ verdict }) => verdict === "regression").length} of ${own.length}`;
    };
    const seconds = rounds.reduce((sum, round) => sum + round.seconds, 0) / rounds.length;
    return `| ${[
      `[${run.slice(0, 8)}](runs/${run}/curve.md)`,
      `${header.measure}${header.browser ? ` in ${header.browser}` : ""}${header.busy ? ", one core busy" : ""}`,
      Object.values(header.work).every((added) => typeof added === "number") ? "arithmetic" : "kernel",
      `${100 * limit} %`,
      String(rounds.length),
      redOf((slowdown) => slowdown === 0),
      redOf((slowdown) => slowdown > 0 && slowdown < limit / 2),
      redOf((slowdown) => slowdown >= limit / 2 && slowdown < limit),
      redOf((slowdown) => slowdown >= limit),
      (seconds / 60).toFixed(1),
    ].join(" | ")} |`;
  }

  it.each([
    [{}, ["--busy"], "busy false, and now it is true"],
    [{}, ["--host", "chromium"], "browser undefined, and now it is chromium"],
    [{}, ["--max-slowdown", "5%"], "maxSlowdown 0.1, and now it is 0.05"],
    [{ maxSlowdown: 0.05 }, [], "maxSlowdown 0.05, and now it is 0.1"],
    [{ measure: "instructions" }, [], "measure instructions, and now it is time"],
  ])("draws no curve of another kind: %j for %j", async (given, flags, why) => {
    const out = write({ ...header, ...given }, round);
    const args = ["validate", "--curve", ...flags, "--rounds", "1", "--out", out];
    const { code, stderr } = await call("gate", args);
    expect(stderr).toContain(`was begun with ${why}; delete it, or choose another --out`);
    expect(code).toBe(2);
  });

  it("keeps a core busy with a program that is no child of its own, until it is disposed of", async () => {
    const load = new BusyCore();
    const statOf = () => readFileSync(`/proc/${load.pid}/stat`, "utf8").replace(/.*\) /, "").split(" ");
    expect(Number(statOf()[1])).not.toBe(process.pid);
    // Its processor time, in ticks.
    await expect.poll(() => Number(statOf()[11]), { timeout: 10_000 }).toBeGreaterThan(10);
    load[Symbol.dispose]();
    await expect.poll(() => isRunning(load.pid)).toBe(false);
  });

  it("keeps no core busy for a process that is gone", async () => {
    const module = new URL("../dist/gate/validation/curve/busy-core.js", import.meta.url).href;
    const program = `import { BusyCore } from ${JSON.stringify(module)}; console.log(new BusyCore().pid);`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
    await expect.poll(() => isRunning(Number(stdout)), { timeout: 10_000 }).toBe(false);
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
    [["--max-slowdown", "5%"], "--max-slowdown is for a curve; add --curve"],
    [["--curve", "--max-slowdown", "0.05"], "--max-slowdown takes a percentage of at least 1%, such as 10%"],
    [["--curve", "--instructions", "--max-slowdown", "5%"], "cannot be used with option '--"],
    [["--curve", "--quick"], "cannot be used with option '--"],
    [["--curve", "--instructions", "--host", "chromium"], "cannot be used with option '--"],
  ])("refuses %j", async (flags, why) => {
    const { code, stderr } = await call("gate", ["validate", ...flags, "--out", temporaryFolder()]);
    expect(stderr).toContain(why);
    expect(code).toBe(2);
  });

  it("does not go on with the journal of a checkout with changes, which may have been others", () => {
    expect(() => requireCommitted("journal.jsonl", "2f3af9f-dirty")).toThrow(
      "journal.jsonl was begun with changes that are not committed, and so may be these; commit them, and delete it or choose another --out",
    );
    for (const commit of ["2f3af9f", null])
      expect(() => requireCommitted("journal.jsonl", commit)).not.toThrow();
  });

  it.each([
    [{}, [], "10 %"],
    [{ maxSlowdown: 0.05 }, ["--max-slowdown", "5%"], "5 %"],
  ])("says which slowdown its gates were to find: %j", async (given, flags, limit) => {
    const out = write({ ...header, ...given }, round);
    await call("gate", ["validate", "--curve", ...flags, "--rounds", "1", "--out", out]);
    const page = readFileSync(join(out, "curve.md"), "utf8");
    expect(page).toContain(`A gate is to find a slowdown of ${limit} (\`--max-slowdown\`).`);
  });

  const known = CELLS[0] as string;
  const calls = (...points: [classes: number, ns: number][]) =>
    points.map(([classes, ns]) => ({ classes, ns }));
  it.each([
    [{}, "expected at least one cell"],
    [{ [known]: calls([2, 1000]) }, "journal.jsonl:1: "],
    [{ [known]: calls([2, 1000], [500, 1000]) }, "expected calls that grow in classes and in time"],
    [{ [known]: calls([2, 1000], [500, 900]) }, "expected calls that grow in classes and in time"],
    [{ [known]: calls([500, 1000], [2, 1300]) }, "expected calls that grow in classes and in time"],
    [{ [known]: calls([2, 1000], [1e9, 1300]) }, "journal.jsonl:1: "],
    [{ [known]: calls([2, 1000], [500, 1100]) }, "expected calls up to one that is slower than any slowdown"],
    [{ "tfjs-wasm manual/fused float32 nothing": 1000 }, "expected cells on workloads that there are"],
    [{ "tfjs-wasm manual/fused float32 99999999999x2": 1000 }, "expected cells on workloads that there are"],
    [{ "": 1000 }, "expected cells on workloads that there are"],
    [{ [known]: -1 }, "journal.jsonl:1: "],
  ])("refuses a journal that says that cells are slowed by %j, in one line", async (work, why) => {
    const out = write({ ...header, work }, round);
    const { code, stderr } = await call("gate", ["validate", "--curve", "--rounds", "1", "--out", out]);
    expect(stderr).toContain(why);
    expect(stderr.trim().split("\n")).toHaveLength(1);
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
