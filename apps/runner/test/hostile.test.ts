import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Results } from "@softmax-bench/core";
import { formatResults } from "@softmax-bench/core/results";
import { describe, expect, it } from "vitest";
import { call, type Ended, onlyRun, run, temporaryFolder } from "./support/cli.js";

const TINY = [
  "--profile",
  "smoke",
  "--backend",
  "jax-js",
  "--dtype",
  "float32",
  "--workload",
  "2x2",
  "--threads",
  "1",
];

/** Clears the screen, sets the title, in 7 and 8 bits; begins a line, reverses the text, hides. */
const ATTACK = "\u001b[2J\u001b]0;PWNED\u0007\u009b31m\r\nFORGED: line\u2028\u202eesrever\u200b\u0085";

const timing = {
  medianNs: 10,
  madNs: 0,
  ci95Ns: [9, 11] as [number, number],
  coverage: 0.9,
  scope: "process" as const,
  samples: [10],
};

/** Results that say it wherever they may say anything. */
const saying = (text: string): Results => ({
  schemaVersion: 1,
  run: {
    id: "one",
    startedAt: "2026-01-01T00:00:00.000Z",
    finishedAt: "2026-01-01T00:00:10.000Z",
    profile: "smoke",
    argv: [text],
    commit: `${text}-dirty`,
    version: text,
    branch: "main",
    plan: `sha256:${"0".repeat(64)}`,
    status: "complete",
    cellsPlanned: 2,
    wallNs: { [text]: 1 },
  },
  environment: {
    cpu: text,
    cores: 2,
    memoryBytes: 1,
    os: text,
    node: text,
    versions: { [text]: text },
    simd: text,
  },
  workloads: [{ id: "w", summary: text, rows: 2, classes: 2, scale: 1, margin: 0, labels: "uniform" }],
  backends: [
    {
      id: "a",
      status: "available",
      engine: { name: text, version: text },
      device: { kind: "cpu", name: text },
    },
    { id: "b", status: "unavailable", reason: text, remedy: text },
  ],
  cells: [
    {
      backend: "a",
      method: "m",
      dtype: "float32",
      workload: "w",
      status: "ok",
      timing: { gradient: timing },
      note: text,
    },
    {
      backend: "b",
      method: "m",
      dtype: "float32",
      workload: "w",
      status: "failed",
      reason: text,
      note: text,
    },
  ],
  distances: [],
});

/** Folders that each hold a run. */
function runsOf(...texts: string[]): string[] {
  return texts.map((text) => {
    const folder = join(temporaryFolder(), "run");
    mkdirSync(folder);
    writeFileSync(join(folder, "results.json"), text);
    return folder;
  });
}

/** One line each, of plain characters, and no trace of a stack. */
function expectHarmless({ stdout, stderr }: Ended): void {
  for (const output of [stdout, stderr]) {
    expect(output.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
    expect(output).not.toMatch(/^FORGED/m);
    expect(output).not.toMatch(/^ {4}at /m);
  }
}

describe("text of a results file that would command the terminal", () => {
  it.each<[string, (folder: string, out: string) => string[]]>([
    ["merge", (folder, out) => [folder, "--out", out]],
    ["report", (folder, out) => [folder, "--html", join(out, "page.html")]],
    ["report", (folder) => [folder]],
    ["compare", (folder, out) => [folder, folder, "--out", out]],
    ["history", (folder, out) => ["--in", join(folder, ".."), "--out", out]],
    ["limit", (folder) => [folder]],
  ])("does nothing to that of %s", async (command, args) => {
    const [folder = ""] = runsOf(formatResults(saying(ATTACK)));
    const ended = await call(command, args(folder, temporaryFolder()));
    expectHarmless(ended);
  });

  it("does nothing in messages about what is wrong with it", async () => {
    const results = saying("benign");
    const texts = [
      { ...results, environment: { ...results.environment, versions: { [ATTACK]: 1 } } },
      { ...results, cells: [{ ...results.cells[0], workload: ATTACK }] },
      { ...results, run: { ...results.run, profile: ATTACK } },
      { ...results, run: { ...results.run, branch: ATTACK } },
      { ...results, schemaVersion: ATTACK },
    ].map((value) => JSON.stringify(value));
    for (const folder of runsOf(...texts, `{"a": ${ATTACK}}`, ATTACK)) {
      for (const args of [
        ["merge", folder, "--out", temporaryFolder()],
        ["report", folder],
      ]) {
        const ended = await call(args[0] as string, args.slice(1));
        expect(ended.code).toBe(2);
        expectHarmless(ended);
        expect(ended.stderr.split("\n")).toHaveLength(2);
      }
    }
  });

  it("does nothing as the name of a file, either", async () => {
    const folder = join(temporaryFolder(), ATTACK.replaceAll("/", "-"));
    mkdirSync(join(folder, `${ATTACK}-1`), { recursive: true });
    writeFileSync(join(folder, `${ATTACK}-1`, "journal.jsonl"), "");
    for (const args of [
      ["merge", folder, "--out", temporaryFolder()],
      ["bench", "--resume", "none", "--out", folder],
      ["bench", "--resume", `${ATTACK}-1`, "--out", folder],
      ["report", "none", "--out", folder],
      ["history", "--in", folder],
      ["export", "--model", join(folder, "no.onnx"), "--out", join(folder, "x.onnx")],
      ["gradient", "--logits", join(folder, "no.npy"), "--labels", "[0]"],
    ]) {
      const ended = await call(args[0] as string, args.slice(1));
      expect(ended.code).not.toBe(0);
      expectHarmless(ended);
    }
  });

  it("does nothing as a command", async () => {
    const ended = await run(ATTACK);
    expect(ended.code).toBe(2);
    expectHarmless(ended);
  });
});

describe("a named pipe in the place of a file, which nobody writes to", () => {
  it.each([
    ["results.json", ["merge"], /results\.json: is not a regular file/],
    ["results.json", ["report"], /there are none/],
    ["journal.jsonl", ["bench", "--resume"], /journal\.jsonl is not a regular file; start a new run/],
    ["journal.jsonl", ["report", "--serve"], /journal\.jsonl is not a regular file; start a new run/],
  ])("%s is refused by %s", async (file, command, message) => {
    const folder = join(temporaryFolder(), "run");
    mkdirSync(folder);
    execFileSync("mkfifo", [join(folder, file)]);
    const [name = "", ...flags] = command;
    const isOfJournal = file === "journal.jsonl";
    const where = isOfJournal ? ["run", "--out", join(folder, "..")] : [folder, "--out", temporaryFolder()];
    const ended = await call(name, [...flags, ...where]);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(message);
    expectHarmless(ended);
  });

  it("is refused as the latest of several runs", async () => {
    const out = temporaryFolder();
    mkdirSync(join(out, "run"));
    execFileSync("mkfifo", [join(out, "run", "results.json")]);
    for (const args of [
      ["report", "--out", out],
      ["history", "--in", out],
      ["compare", "run", "latest", "--in", out],
    ]) {
      const ended = await call(args[0] as string, args.slice(1));
      expect(ended.code).toBe(2);
      expectHarmless(ended);
    }
  });
});

describe("a shard of more than there can be", () => {
  it.each([1e5, 2 ** 31, Number.MAX_SAFE_INTEGER])(
    "is refused, where there are said to be %d",
    async (count) => {
      const { run: record, ...results } = saying("benign");
      const text = formatResults({ ...results, run: { ...record, shard: { index: 1, count } } });
      const ended = await call("merge", [...runsOf(text), "--out", temporaryFolder()]);
      expect(ended.code).toBe(2);
      expect(ended.stderr).toMatch(/^merge: .* is one of \d+ shards, more than the 99999 there may be\n$/);
    },
  );
});

describe("a name that is too long for a file", () => {
  const long = "a".repeat(5000);

  it.each([
    ["report", long],
    ["merge", long],
    ["compare", long, long],
    ["history", "--in", long],
    ["limit", long],
    ["bench", "--resume", long],
    ["bench", ...TINY, "--out", `/tmp/${long}`],
    ["export", "--model", long, "--out", "/tmp/x.onnx"],
    ["export", "--method", "manual/fused", "--workload", "2x2", "--out", `/tmp/${long}`],
    ["gradient", "--logits", long, "--labels", "[0]"],
  ])("is a mistake of one line: %s", async (command, ...args) => {
    const ended = await call(command, args);
    expect(ended.code).not.toBe(0);
    expectHarmless(ended);
    expect(ended.stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(ended.stderr).toMatch(new RegExp(`^(${command}: |there is no run in )`));
  });
});

describe("what results could not take in the end", () => {
  it("is not a long list of cells, as --list prints it", async () => {
    const out = temporaryFolder();
    const { stdout } = await call("bench", [...TINY, "--list"]);
    const cells = Array(40).fill(stdout.trim().split("\n").join(",")).join(",");
    expect(cells.length).toBeGreaterThan(10_000);
    const { code, stderr } = await call("bench", [
      "--profile",
      "smoke",
      "--threads",
      "1",
      "--cell",
      cells,
      "--out",
      out,
    ]);
    expect(code, stderr).toBe(0);
    expect(onlyRun(out).results().run.argv).toContain(cells);
    const resumed = await call("bench", ["--resume", "latest", "--out", out]);
    expect(resumed.code, resumed.stderr).toBe(0);
  });

  it("is refused before anything is measured, and nothing is left", async () => {
    const out = temporaryFolder();
    const ended = await call("bench", [...TINY, "--out", out], { env: { GITHUB_HEAD_REF: ATTACK } });
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(
      /^bench: no results could be written of this run: run\.branch: .*; nothing was measured\n$/,
    );
    expectHarmless(ended);
    expect(readdirSync(out)).toEqual([]);
  });

  it("is refused in a run that is to be continued, before the rest is measured", async () => {
    const out = temporaryFolder();
    await call("bench", [...TINY, "--out", out]);
    const { path, id } = onlyRun(out);
    const elsewhere = temporaryFolder();
    cpSync(path, join(elsewhere, id), { recursive: true });
    const journal = join(elsewhere, id, "journal.jsonl");
    const lines = readFileSync(journal, "utf8").split("\n");
    const changed = lines
      .filter((line) => !(line.startsWith('{"type":"cell"') && line.includes("manual/fused")))
      .map((line) => {
        if (!line.includes('"type":"run"')) return line;
        const json = line
          .replace(/,"crc32":"\w+"\}$/, "}")
          .replace(/"branch":("[^"]*"|null)/, '"branch":"a\\u001bb"');
        return `${json.slice(0, -1)},"crc32":"${crc32(json).toString(16).padStart(8, "0")}"}`;
      });
    writeFileSync(journal, changed.join("\n"));
    const ended = await call("bench", ["--resume", id, "--out", elsewhere]);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/bench: no results could be written of this run: run\.branch: /);
    expectHarmless(ended);
  });
});
