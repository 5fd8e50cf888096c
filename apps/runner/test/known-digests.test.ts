import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeResults, parseResults } from "@softmax-bench/core/results";
import type { ProcessRun } from "@softmax-bench/regression";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mainPath } from "../dist/gate/checkout.js";
import { describeConditions } from "../dist/gate/digest-conditions.js";
import { KnownDigests } from "../dist/gate/known-digests.js";
import { injectedCheckout } from "../dist/gate/validation/injected-checkout.js";
import { ROOT, scratchClone } from "./support/checkout.js";
import { call, start, temporaryFolder, within } from "./support/cli.js";
import { cacheWithRevision, otherCommit } from "./support/revision.js";

const errorsOf = (backends: string, workloads: string) => [
  ...["--backend", backends, "--method", "manual/fused", "--dtype", "float32"],
  ...["--workload", workloads, "--error-only", "--no-provision"],
];
/** Two cells and two curves, in two processes. */
const ERRORS = errorsOf("onnxruntime-cpu,wasm-simd", "64x100,sweep/ties");
const commit = otherCommit();

/** A user's cache in which one gate has left the digests of the commit. */
const filled = mkdtempSync(join(tmpdir(), "known-digests-test-"));
afterAll(() => rmSync(filled, { recursive: true }));

/** Not in CI, where a clean candidate's digests are kept, too. */
const environment = (cache: string) => ({ SOFTMAX_BENCH_CACHE: cache, CI: "" });

const gate = (cache: string, ...flags: readonly string[]) =>
  call("gate", ["--baseline", commit, ...ERRORS, "--out", temporaryFolder(), ...flags], {
    env: environment(cache),
  });

beforeAll(async () => {
  await cacheWithRevision(commit, { cache: filled });
  const out = mkdtempSync(join(tmpdir(), "known-digests-test-"));
  const args = ["--baseline", commit, ...ERRORS, "--out", out];
  const { code, stdout, stderr } = await call("gate", args, { env: environment(filled) });
  rmSync(out, { recursive: true });
  expect(code, stderr).toBe(0);
  expect(stdout).toContain("4 cells compared: 4 pass");
  expect(stderr).toContain(`digests of 4 gradients of ${commit}\n`);
});

function copyOfCache(): string {
  const cache = temporaryFolder();
  cpSync(filled, cache, { recursive: true });
  return cache;
}

/** The only file of digests in a cache. */
function fileIn(cache: string): string {
  const [file = "", ...others] = readdirSync(join(cache, "digests"));
  expect(others).toEqual([]);
  return join(cache, "digests", file);
}

const contentOf = (cache: string) => JSON.parse(readFileSync(fileIn(cache), "utf8"));

const digestsIn = (cache: string): string[] => {
  const { cells, precision } = contentOf(cache).results;
  return [...cells, ...precision.curves].map(({ gradientDigest }) => gradientDigest).sort();
};

/** The content of a file, as a gate in the same conditions opens it. */
function open(cache: string): { known: KnownDigests; lines: string[] } {
  const { conditions } = contentOf(filled);
  const lines: string[] = [];
  const before = process.env.SOFTMAX_BENCH_CACHE;
  process.env.SOFTMAX_BENCH_CACHE = cache;
  try {
    return { known: KnownDigests.open(conditions, (line) => lines.push(line)), lines };
  } finally {
    if (before === undefined) delete process.env.SOFTMAX_BENCH_CACHE;
    else process.env.SOFTMAX_BENCH_CACHE = before;
  }
}

const CELL = "wasm-simd manual/fused float32 64x100";

describe("a baseline whose digests are known", () => {
  it("is neither computed nor made ready where the candidate gives the same", async () => {
    const cache = copyOfCache();
    const revision = join(cache, `revision-${commit}`);
    rmSync(revision, { recursive: true });
    const { code, stdout, stderr } = await gate(cache);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(`digests of 4 gradients, 4 of them known of ${commit}`);
    expect(stdout).toContain("4 cells compared: 4 pass");
    expect(stdout).toContain("In 4 cells it is what an earlier gate found of the baseline");
    expect(existsSync(revision)).toBe(false);
  });

  it("is computed again where the candidate gives another gradient, whose error is found", async () => {
    const cache = copyOfCache();
    const out = temporaryFolder();
    // Every entry is off by 1 %, against a rounding error of some 1e-7.
    using wrong = injectedCheckout("wrong", { gradientError: 0.01 });
    const args = ["--baseline", commit, ...errorsOf("wasm-simd", "64x100"), "--out", out];
    const { code, stdout, stderr } = await start(["gate", ...args], {
      main: mainPath(wrong.folder),
      env: environment(cache),
    }).ended;
    expect(code, stderr).toBe(1);
    expect(stderr).toContain(
      `digests of 1 gradient of ${commit}: not known, or not what the candidate gives`,
    );
    expect(stdout).toContain("1 cell compared: 1 regression");
    const [folder = ""] = readdirSync(out);
    const relL2 = (name: string) => {
      const { cells } = parseResults(readFileSync(join(out, folder, name), "utf8"));
      return cells[0]?.accuracy?.gradient.relL2;
    };
    expect(relL2("results.json")).toBeCloseTo(0.01, 4);
    expect(relL2("baseline.json")).toBeLessThan(1e-6);
    expect(contentOf(cache).varying).toEqual([]);
    expect(digestsIn(cache)).toEqual(digestsIn(filled));
  });

  it("is computed again where a digest in the file is wrong, and that cell from then on", {
    tags: "nightly",
  }, async () => {
    const cache = copyOfCache();
    const content = contentOf(cache);
    const wrong = content.results.cells.find(({ backend }: { backend: string }) => backend === "wasm-simd");
    wrong.gradientDigest = `sha256:${"0".repeat(64)}`;
    writeFileSync(fileIn(cache), JSON.stringify(content));
    const { code, stdout, stderr } = await gate(cache);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(
      `digests of 1 gradient of ${commit}: not known, or not what the candidate gives`,
    );
    expect(stdout).toContain("4 cells compared: 4 pass");
    expect(contentOf(cache).varying).toEqual([CELL]);
    expect(open(cache).known.has(CELL)).toBe(false);
  });

  it("is computed again after its file was cut off, which is then whole", { tags: "nightly" }, async () => {
    const cache = copyOfCache();
    writeFileSync(fileIn(cache), readFileSync(fileIn(cache)).subarray(0, 1000));
    const { code, stderr } = await gate(cache);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/\.json is damaged \(.*\): the baseline is computed again/);
    expect(stderr).toContain(`digests of 4 gradients of ${commit}\n`);
    expect(open(cache).known.has(CELL)).toBe(true);
  });

  it("is computed with other threads", { tags: "nightly" }, async () => {
    const cache = copyOfCache();
    const { code, stderr } = await gate(cache, "--threads", "2");
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(`digests of 4 gradients of ${commit}\n`);
    expect(readdirSync(join(cache, "digests"))).toHaveLength(2);
  });

  it("is this very commit where CI has just built it, and the next commit's baseline", {
    tags: "nightly",
  }, async () => {
    const clone = scratchClone();
    const cache = temporaryFolder();
    const run = (baseline: string) =>
      start(["gate", "--baseline", baseline, ...ERRORS, "--out", temporaryFolder()], {
        main: mainPath(clone),
        cwd: clone,
        env: { SOFTMAX_BENCH_CACHE: cache, CI: "true" },
      }).ended;
    const first = await run("HEAD");
    expect(first.code, first.stderr).toBe(0);
    const who = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
    execFileSync("git", ["-C", clone, ...who, "commit", "--quiet", "--allow-empty", "--message", "next"]);
    const second = await run("HEAD~1");
    expect(second.code, second.stderr).toBe(0);
    expect(second.stderr).toContain("digests of 4 gradients, 4 of them known of HEAD~1");
    expect(readdirSync(cache)).toEqual(["digests"]);
  });
});

describe("the conditions of digests", () => {
  const request = { seed: 0, threads: 1, prepare: undefined };
  const place = { name: "this checkout", folder: ROOT };
  const now = async (changes: object = {}, of = commit) =>
    JSON.stringify(await describeConditions(of, place, { ...request, ...changes }));

  it("are the same as long as nothing changes", async () => {
    expect(JSON.stringify(contentOf(filled).conditions)).toBe(await now());
  });

  it("are others with another commit, seed, number of threads, or variable that a runtime reads", async () => {
    const withVariable = await within({ env: { OMP_NUM_THREADS: "3" } }, () => now());
    const others = [await now({ seed: 1 }), await now({ threads: 2 }), await now({}, "HEAD"), withVariable];
    expect(new Set([await now(), ...others]).size).toBe(5);
  });
});

describe("a file of digests", () => {
  it("counts as none if it is anything else, with a line that says so", () => {
    const content = contentOf(filled);
    const { results, ...head } = content;
    const texts = [
      "",
      "null",
      "[]",
      JSON.stringify(head).slice(0, -1),
      JSON.stringify({ ...content, version: 2 }),
      JSON.stringify({ ...content, lists: { a: [1] } }),
      JSON.stringify({ ...content, results: { ...results, cells: [{ backend: 1 }] } }),
      JSON.stringify({ ...content, results: { ...results, schemaVersion: 2 } }),
      JSON.stringify({ ...content, conditions: { ...content.conditions, node: "v1.0.0" } }),
    ];
    for (const text of texts) {
      const cache = copyOfCache();
      writeFileSync(fileIn(cache), text);
      const { known, lines } = open(cache);
      expect(known.has(CELL), text).toBe(false);
      expect(lines, text).toEqual([
        expect.stringMatching(/\.json is damaged \(.+\): the baseline is computed again$/),
      ]);
    }
    expect(open(filled).known.has(CELL)).toBe(true);
    const cache = copyOfCache();
    const file = fileIn(cache);
    rmSync(file);
    mkdirSync(file);
    expect(open(cache)).toMatchObject({ lines: [expect.stringContaining("is not a regular file")] });
  });

  it("loses the cells in which processes of one commit differ, and those of other hosts", () => {
    const cache = copyOfCache();
    const results = decodeResults(contentOf(cache).results);
    const pass = (change: (cell: (typeof results.cells)[number]) => object): ProcessRun => ({
      stage: "digests",
      block: 0,
      role: "baseline",
      asked: [],
      results: { ...results, cells: results.cells.map((cell) => ({ ...cell, ...change(cell) })) },
    });
    const { known } = open(cache);
    const other = "onnxruntime-cpu manual/fused float32 64x100";
    known.keep(
      [
        pass(() => ({})),
        pass(({ backend }) =>
          backend === "wasm-simd" ? { gradientDigest: `sha256:${"1".repeat(64)}` } : {},
        ),
        pass(() => ({ host: "bun" })),
      ],
      undefined,
    );
    expect([known.has(CELL), known.has(other)]).toEqual([false, true]);
    expect(known.has("onnxruntime-cpu@bun manual/fused float32 64x100")).toBe(false);
  });

  it("matches what the same device gives", () => {
    const results = decodeResults(contentOf(filled).results);
    const { known } = open(filled);
    expect(known.matching(results)?.asked).toHaveLength(4);
    const backends = results.backends.map((backend) => ({
      ...backend,
      ...(backend.id === "wasm-simd" ? { device: { kind: "gpu", name: "another" } as const } : {}),
    }));
    expect(known.matching({ ...results, backends })?.asked).toHaveLength(2);
  });

  it("is one of at most 50, of which the least recently used go", () => {
    const cache = copyOfCache();
    const long = new Date(2026, 0, 1);
    for (let index = 0; index < 60; index++) {
      const file = join(cache, "digests", `${index}.json`);
      writeFileSync(file, "{}");
      utimesSync(file, long, long);
    }
    const { known } = open(cache);
    known.addList(["--workload", "x"], []);
    known.keep([], undefined);
    expect(readdirSync(join(cache, "digests"))).toHaveLength(50);
    expect(open(cache).known.list(["--workload", "x"])).toEqual([]);
  });
});
