import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { GRAPH_METHODS } from "@softmax-bench/core";
import { xorshift128plus } from "pure-rand/generator/xorshift128plus";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Entry, Header } from "../../dist/results/journal/entries.js";
import { Journal, type Recovered } from "../../dist/results/journal/journal.js";
import { bench, call, onlyRun, start, temporaryFolder } from "../support/cli.js";
import { cellLines, TINY, withFault } from "./support.js";

const header: Header = {
  type: "run",
  journalVersion: 4,
  id: "20260131-120000-smoke",
  startedAt: "2026-01-31T12:00:00.000Z",
  profile: "smoke",
  argv: [],
  commit: null,
  version: "0.1.0",
  plan: `sha256:${"0".repeat(64)}`,
  seed: 0,
  threads: 1,
  backends: ["b"],
  methods: ["manual/ünïcode"],
  dtypes: ["float32"],
  workloads: ["2x2"],
  environment: { cpu: "c", cores: 1, memoryBytes: 1, os: "o", node: "v20", versions: {} },
};

const cell = (round: number): Entry => ({
  type: "cell",
  pass: 0,
  round,
  backend: "b",
  method: "manual/naive",
  dtype: "float32",
  workload: "2x2",
  status: "failed",
  reason: `number ${round} – with "quotes", a \\ and ∞`,
});

/** Three times the header, four cells. */
const ENTRIES = [header, header, header, ...[0, 1, 2, 3].map(cell)];

/** The entries that are read of a journal whose bytes were changed. */
function recovered(damage: (bytes: Buffer) => Buffer): Omit<Recovered, "journal"> & { bytes: Buffer } {
  const file = join(temporaryFolder(), "journal.jsonl");
  const journal = Journal.begin(file, header);
  for (const entry of ENTRIES.slice(3)) journal.append(entry);
  journal.close();
  writeFileSync(file, damage(readFileSync(file)));
  const { journal: again, ...found } = Journal.recover(file);
  again.close();
  return { ...found, bytes: readFileSync(file) };
}

const lineEnds = (bytes: Buffer): number[] =>
  [...bytes.entries()].flatMap(([at, byte]) => (byte === 10 ? [at] : []));

describe("a journal", () => {
  it("that nobody touched is read as it was written", () => {
    expect(recovered((bytes) => bytes)).toMatchObject({ entries: ENTRIES, truncatedBytes: 0, damage: [] });
  });

  const expectWholeLines = (every: number) => {
    let ends: number[] = [];
    recovered((bytes) => {
      ends = lineEnds(bytes);
      return bytes;
    });
    const [first = 0] = ends;
    expect(ends).toHaveLength(ENTRIES.length);
    for (let length = first + 1; length <= (ends.at(-1) ?? 0) + 1; length += every) {
      const { entries, truncatedBytes, damage, bytes } = recovered((whole) => whole.subarray(0, length));
      const kept = ends.filter((end) => end <= length).length;
      expect(entries).toEqual(ENTRIES.slice(0, kept));
      expect(damage).toEqual([]);
      expect(bytes.at(-1)).toBe(10);
      if (ends.includes(length)) expect(truncatedBytes).toBe(0);
      else expect(truncatedBytes).toBe(length - 1 - (ends[kept - 1] ?? 0));
    }
  };

  const expectOneLost = (every: number) => {
    const generator = xorshift128plus(8);
    let size = 0;
    recovered((bytes) => {
      size = bytes.length;
      return bytes;
    });
    expect(size).toBeGreaterThan(1000);
    for (let at = 0; at < size; at += every) {
      let ends: number[] = [];
      const bit = (generator.next() >>> 0) % 8;
      const { entries, damage, truncatedBytes } = recovered((bytes) => {
        ends = lineEnds(bytes);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        return bytes;
      });
      // A flipped end of a line takes the next line with it, if there is one.
      const line = ends.filter((end) => end < at).length;
      const lost = ends.includes(at) ? [line, line + 1] : [line];
      expect(entries).toEqual(ENTRIES.filter((_, index) => !lost.includes(index)));
      if (damage.length) expect(damage).toContainEqual({ line: line + 1, problem: "wrong checksum" });
      else expect(truncatedBytes).toBeGreaterThan(0);
    }
  };

  const cut = "cut anywhere after its header keeps every whole line, and drops the torn one";
  const flipped = "with any one bit flipped loses what that line held at most, and names the line";
  it(cut, () => expectWholeLines(97));
  it(flipped, () => expectOneLost(97));
  it(`${cut}: every eleventh byte`, { tags: "nightly" }, () => expectWholeLines(11));
  it(`${flipped}: every eleventh byte`, { tags: "nightly" }, () => expectOneLost(11));

  it("whose header is lost says what may have happened", () => {
    expect(() => recovered((bytes) => bytes.subarray(0, 40))).toThrow(
      /begins with no header \(.*\): the run died before it began, or another version .*; start a new run$/,
    );
    expect(() => recovered(() => Buffer.from('{"type":"run","journalVersion":1}\n'))).toThrow(
      /is of journal version 1, and this version of softmax-bench continues 4; continue it with the version that wrote it, /,
    );
    expect(() => recovered(() => Buffer.alloc(0))).toThrow(/died before it began/);
  });

  it("is open to one process at a time", () => {
    const file = join(temporaryFolder(), "journal.jsonl");
    const journal = Journal.begin(file, header);
    expect(() => Journal.recover(file)).toThrow(/is in use: another process measures this run/);
    journal.close();
    Journal.recover(file).journal.close();
  });
});

describe("a run whose journal was", () => {
  /** One run for all tests, of which each has a copy. */
  const measured = mkdtempSync(join(tmpdir(), "journal-test-"));
  beforeAll(async () => {
    expect((await call("bench", [...TINY, "--out", measured])).code).toBe(0);
  });
  afterAll(() => rmSync(measured, { recursive: true }));

  let out = "";
  beforeEach(() => {
    out = temporaryFolder();
    cpSync(measured, out, { recursive: true });
  });

  const resume = () => call("bench", ["--resume", onlyRun(out).id, "--out", out]);

  function expectWhole(): void {
    const { run, cells, distances } = onlyRun(out).results();
    expect(run.status).toBe("complete");
    expect(cells).toHaveLength(GRAPH_METHODS.length);
    expect(cells.every(({ status }) => status === "ok")).toBe(true);
    expect(distances).toHaveLength(5);
  }

  it("cut short is continued without its torn last line", async () => {
    const { journal } = onlyRun(out);
    const before = cellLines(journal);
    const end = readFileSync(journal, "utf8").indexOf(before[6] ?? "");
    truncateSync(journal, end + 31);
    const { code, stderr } = await resume();
    expect(code).toBe(0);
    expect(stderr).toContain("dropped an unfinished last line (31 bytes)");
    expect(stderr).toContain("4 of 10 measurements to do");
    expect(cellLines(journal).slice(0, 6)).toEqual(before.slice(0, 6));
    expectWhole();
  });

  it("cut after its last cell knows its backend, and is complete", async () => {
    const { journal } = onlyRun(out);
    const last = cellLines(journal).at(-1) ?? "";
    truncateSync(journal, Buffer.byteLength(readFileSync(journal, "utf8").split(last)[0] + last) + 1);
    const { code, stderr } = await resume();
    expect(code).toBe(0);
    expect(stderr).toContain("0 of 10 measurements to do");
    expect(onlyRun(out).results().backends).toMatchObject([{ id: "jax-js", status: "available" }]);
    expectWhole();
  });

  it("given a torn last line is complete without it", async () => {
    appendFileSync(onlyRun(out).journal, '{"type":"cell","round":0,"backe');
    const { code, stderr } = await resume();
    expect(code).toBe(0);
    expect(stderr).toContain("dropped an unfinished last line (31 bytes)");
    expect(stderr).toContain("0 of 10 measurements to do");
    expectWhole();
  });

  it("damaged in its middle measures what is damaged again, and names the line", async () => {
    const { journal } = onlyRun(out);
    const bytes = readFileSync(journal);
    // A digit of the fourth cell's samples: still JSON, still a number, and not what was measured.
    const at = bytes.indexOf('"gradient":[', bytes.indexOf(cellLines(journal)[3] ?? "")) + 12;
    const line = lineEnds(bytes).filter((end) => end < at).length + 1;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(journal, bytes);
    rmSync(join(onlyRun(out).path, "results.json"));
    const { code, stderr } = await resume();
    expect(code).toBe(0);
    expect(stderr).toContain(`journal.jsonl:${line} is damaged (wrong checksum): what it held is done again`);
    expect(stderr).toContain("1 of 10 measurements to do");
    expectWhole();
  });

  it("damaged in two cells that are compared is whole again, each distance once", async () => {
    const { journal } = onlyRun(out);
    for (const method of ["manual/naive", "autograd/naive"]) {
      const bytes = readFileSync(journal);
      const at = bytes.indexOf(
        `"status":"ok"`,
        bytes.indexOf(`{"type":"cell","round":0,"pass":0,"backend":"jax-js","method":"${method}"`),
      );
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      writeFileSync(journal, bytes);
    }
    const { code, stderr } = await resume();
    expect(code).toBe(0);
    expect(stderr).toContain("2 of 10 measurements to do");
    expectWhole();
    expect((await resume()).code).toBe(0);
    expectWhole();
  });

  it("given a line a second time is complete without it, and names the two lines", async () => {
    const { journal, id } = onlyRun(out);
    const [cell = ""] = cellLines(journal);
    const lines = readFileSync(journal, "utf8").split("\n");
    appendFileSync(journal, `${cell}\n`);
    const { code, stderr } = await resume();
    expect(code).toBe(0);
    expect(stderr).toContain(
      `${id}/journal.jsonl:${lines.length} repeats line ${lines.indexOf(cell) + 1} and counts for nothing`,
    );
    expect(stderr).toContain("0 of 10 measurements to do");
    expectWhole();
  });

  it("given all its lines a second time counts neither results nor time twice, and says so in one line", async () => {
    const { journal, results } = onlyRun(out);
    const { wallNs } = results().run;
    appendFileSync(journal, readFileSync(journal));
    const { code, stderr } = await resume();
    expect(code).toBe(0);
    expect(stderr.match(/repeats line/g)).toHaveLength(1);
    expect(stderr).toMatch(/counts for nothing \(\d+ more lines like it\)/);
    expect(results().run.wallNs).toMatchObject({ measure: wallNs?.measure, verify: wallNs?.verify });
    expectWhole();
  });

  it.each<[string, (line: string) => string]>([
    [
      "a good and a bad result of one cell",
      (line) => line.replace(/"status":"ok"/, '"status":"failed","reason":"no"'),
    ],
    ["two good results of one cell", (line) => line.replace(/"loss":\d/, '"loss":9')],
  ])("given %s is refused, whichever comes last", async (_, change) => {
    const { journal, id } = onlyRun(out);
    const whole = readFileSync(journal, "utf8");
    const [cell = ""] = cellLines(journal);
    const json = change(cell.replace(/,"crc32":"\w+"\}$/, "}"));
    const sealed = `${json.slice(0, -1)},"crc32":"${crc32(json).toString(16).padStart(8, "0")}"}`;
    expect(sealed).not.toBe(cell);
    for (const text of [`${whole}${sealed}\n`, whole.replace(cell, `${sealed}\n${cell}`)]) {
      writeFileSync(journal, text);
      const { code, stderr } = await resume();
      expect(code).toBe(2);
      expect(stderr).toMatch(
        new RegExp(
          `^bench: .*${id}/journal\\.jsonl:\\d+ does not say the same of jax-js \\S+ float32 2x2, process 1 as line \\d+; remove one`,
        ),
      );
    }
  });

  it("copied to another folder is continued there, and every message names that folder", async () => {
    const { path, journal } = onlyRun(out);
    const elsewhere = join(temporaryFolder(), "runs");
    cpSync(path, join(elsewhere, "copied"), { recursive: true });
    const last = cellLines(journal).at(-1) ?? "";
    const copied = join(elsewhere, "copied", "journal.jsonl");
    writeFileSync(copied, readFileSync(copied, "utf8").replace(`${last}\n`, ""));
    const { code, stderr } = await call("precision", ["--resume", "copied", "--out", elsewhere]);
    expect(code).toBe(2);
    expect(stderr).toContain(`continue with: pnpm bench --resume copied --out ${elsewhere}`);
    expect((await call("bench", ["--resume", "copied", "--out", elsewhere])).code).toBe(0);
  });

  it("complete has nothing left to do", async () => {
    const { code, stderr } = await resume();
    expect(code).toBe(0);
    expect(stderr).toContain("0 of 10 measurements to do");
    expectWhole();
  });
});

describe("a clock that steps back", () => {
  it("changes no duration, and no run ends before it begins", { tags: "nightly" }, async () => {
    const out = temporaryFolder();
    const { code } = await bench([...TINY, "--out", out], { env: withFault("clock back") });
    expect(code).toBe(0);
    const { run, cells } = onlyRun(out).results();
    expect(Date.parse(run.finishedAt)).toBeGreaterThanOrEqual(Date.parse(run.startedAt));
    const spent = Object.values(run.wallNs ?? {});
    expect(Math.min(...spent)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...spent)).toBeLessThan(60e9);
    expect(cells).toHaveLength(GRAPH_METHODS.length);
    for (const { timing } of cells)
      expect(Math.min(...(timing?.gradient?.samples ?? [-1]))).toBeGreaterThan(0);
  });
});

describe("two runs at once", () => {
  it("in one folder of results get a folder each", { tags: "nightly" }, async () => {
    const out = temporaryFolder();
    const runs = await Promise.all([0, 1, 2].map(() => bench([...TINY, "--out", out])));
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(readdirSync(out)).toHaveLength(3);
  });

  it("that continue the same run: one does, the other is told so and changes nothing", async () => {
    const out = temporaryFolder();
    const first = start(["bench", ...TINY, "--out", out]);
    await first.says("[2/10]");
    // Held up, or it would be over before the other has started.
    first.child.kill("SIGSTOP");
    const second = await bench(["--resume", onlyRun(out).id, "--out", out]);
    first.child.kill("SIGCONT");
    expect(second.code).toBe(2);
    expect(second.stderr).toMatch(
      /^bench: .*journal\.jsonl is in use: another process measures this run; wait for it, or stop it\n$/,
    );
    expect((await first.ended).code).toBe(0);
    expect(cellLines(onlyRun(out).journal)).toHaveLength(GRAPH_METHODS.length);
  });
});
