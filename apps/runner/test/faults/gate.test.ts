import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Ended, run, temporaryFolder } from "../support/cli.js";
import { cacheWithRevision, otherCommit } from "../support/revision.js";
import { withFault } from "./support.js";

const ONE_CELL = ["--backend", "wasm-simd", "--method", "manual/fused", "--dtype", "float32"];
const TINY = [...ONE_CELL, "--workload", "4x3", "--no-provision", "--max-slowdown", "100000%"];

interface Gated extends Ended {
  /** Files left in the temporary folder. */
  readonly left: readonly string[];
  /** Processes that are left. */
  readonly processes: readonly number[];
  /** A file of the outcome, if there is one. */
  file(name: string): string | undefined;
}

/** Gates this checkout against a commit of the same code, of which one side goes wrong: see `fault.mjs`. */
async function gate(fault: string, flags: readonly string[] = []): Promise<Gated> {
  const commit = otherCommit();
  const [cache, scratch, out] = [await cacheWithRevision(commit), temporaryFolder(), temporaryFolder()];
  const env = { ...withFault(fault), SOFTMAX_BENCH_CACHE: cache, TMPDIR: scratch };
  const ended = await run("gate", ["--baseline", commit, ...TINY, "--out", out, ...flags], { env });
  const [folder] = readdirSync(out);
  return {
    ...ended,
    left: readdirSync(scratch),
    processes: processesWith(scratch),
    file: (name) => (folder ? readFileSync(join(out, folder, name), "utf8") : undefined),
  };
}

/** Processes that have a text in their environment. */
const processesWith = (text: string): number[] =>
  readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      try {
        return pid > 0 && readFileSync(`/proc/${pid}/environ`, "utf8").includes(text);
      } catch {
        return false;
      }
    });

const lastLine = ({ stderr }: Ended): string => stderr.trim().split("\n").at(-1) ?? "";

describe("a revision that does not answer", () => {
  const expectEnded = async (fault: string, timeout: string, line: RegExp) => {
    const gated = await gate(fault, ["--timeout", timeout]);
    expect(lastLine(gated)).toMatch(line);
    expect(lastLine(gated)).toContain("or allow more with --timeout");
    expect(gated.stderr.match(/^gate: /gm)).toHaveLength(1);
    expect(gated.code).toBe(2);
    expect(JSON.parse(gated.file("outcome.json") ?? "")).toMatchObject({ outcome: "hangs", exitCode: 2 });
    expect(gated.left).toEqual([]);
    expect(gated.processes).toEqual([]);
  };

  it.each([
    [
      "baseline ignores SIGTERM while listing",
      // This checkout has to list its own in that time, beside other tests.
      "30s",
      /^gate: \w+ \(.*\) did not list its cells within 30 s, and /,
    ],
  ])("is ended with all that it started, and one line says which: %s", expectEnded);

  it.each([
    [
      "candidate spins while listing",
      "10s",
      /^gate: this checkout \(.*\) did not list its cells within 10 s, and /,
    ],
    [
      "candidate idles while measuring",
      "15s",
      /^gate: this checkout \(.*\) did not finish a turn of measuring within 15 s, and /,
    ],
  ])("is ended with all that it started, and one line says which: %s", { tags: "nightly" }, expectEnded);

  it("has a time that --help states", async () => {
    const { stdout } = await run("gate", ["--help"]);
    expect(stdout.replaceAll(/\s+/g, " ")).toContain(
      "(default: 5m to list cells, 30m each to install and to build, 5m from one measured cell to the next;",
    );
  });
});

describe("what a revision prints", () => {
  it("is no data, neither where it lists cells nor where it measures them", { tags: "nightly" }, async () => {
    const { code, stdout, stderr, file } = await gate("each side prints");
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("1 cell compared: 1 pass.\n");
    expect(file("results.json")).not.toContain("hello");
  });
});

describe("a baseline that is too old to list its cells in a file", () => {
  it("is refused where something else is printed among them", async () => {
    const { code, stderr } = await gate("baseline is older, and prints while listing", [
      "--method",
      "manual/*",
    ]);
    expect(stderr.trim()).toMatch(
      /^gate: \w+ counts \d+ cells and prints \d+, among something else; it is too old to list them in a file: choose a later baseline$/m,
    );
    expect(code).toBe(2);
  });
});

describe("a revision that ends early", () => {
  const expectSaid = async (fault: string, code: number, line: RegExp) => {
    const gated = await gate(fault);
    expect(lastLine(gated)).toMatch(line);
    expect(gated.code).toBe(code);
    expect(gated.left).toEqual([]);
  };

  it.each([
    [
      "candidate exits while listing",
      2,
      /^gate: the command line of this checkout \(.*\) listed no cells, saying: nothing$/,
    ],
    [
      "candidate throws while measuring",
      2,
      /^gate: the command line of this checkout .*, saying: TypeError: boom is not a function$/,
    ],
  ])("says how: %s", expectSaid);

  it.each([
    [
      "baseline exits while measuring",
      2,
      /^gate: the command line of \w+ \(.*\) wrote 0 results files where one belongs/,
    ],
    [
      "baseline writes another schema while measuring",
      3,
      /^gate: \w+ writes another version of the results format: schemaVersion: 2, and this program reads 1; use a newer one$/,
    ],
  ])("says how: %s", { tags: "nightly" }, expectSaid);
});

describe("a candidate that fails after the first look", () => {
  it("does not pass, and the outcome says why and what was run", { tags: "nightly" }, async () => {
    const { code, stdout, stderr, file } = await gate("candidate fails after the first look");
    expect(code, stderr).toBe(2);
    const why = "candidate crashed in the comparison with the oracle: the worker exited with code 0";
    expect(stdout).toContain("Incomplete: cells that should have run did not");
    expect(stdout).toContain("0 cells compared: none. Of 1 in all, 1 excluded: 1 did not run.");
    for (const text of [stdout, file("junit.xml")]) {
      expect(text?.replaceAll(/\s+/g, " ")).toContain(why);
      expect(text).toMatch(/this checkout \(commit [0-9a-f]{40}, .*; lockfile [0-9a-f]{12}; Node v\d/);
    }
    expect(file("summary.md")).toContain("1 did not run");
  });
});

describe("a gate that measured nothing", () => {
  it("does not pass", async () => {
    // The backend has no such method: neither side can run the cell.
    const flags = ["--method", "autograd/naive", "--max-slowdown", "10%"];
    const commit = otherCommit();
    const env = { SOFTMAX_BENCH_CACHE: await cacheWithRevision(commit) };
    const args = ["--backend", "wasm-simd", "--dtype", "float32", "--workload", "4x3", "--no-provision"];
    const { code, stderr } = await run(
      "gate",
      ["--baseline", commit, ...args, ...flags, "--out", temporaryFolder()],
      { env },
    );
    expect(stderr).toContain("this checkout lists no cells: nothing to compare");
    expect(code).toBe(3);
  });
});
