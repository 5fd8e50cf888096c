import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Results } from "@softmax-bench/core";
import { formatResults, parseResults } from "@softmax-bench/core/results";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gate } from "../dist/cli/commands/gate.js";
import { currentCommit } from "../dist/fs/repository.js";
import { injectedCheckout } from "../dist/gate/validation/injected-checkout.js";
import { needResults, runsIn } from "../dist/results/find-results.js";
import { describeEnvironment } from "../dist/run/machine/environment.js";
import type { Console } from "../dist/terminal/console.js";
import { call, run, temporaryFolder } from "./support/cli.js";
import { cacheWithRevision, otherCommit } from "./support/revision.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const ONE_CELL = [
  ...["--backend", "onnxruntime-cpu", "--method", "manual/fused", "--dtype", "float32", "--threads", "1"],
];
const SMALL = [...ONE_CELL, "--workload", "64x100"];
/** Times are not what a test is about: other tests run beside it. */
const ANY_TIME = ["--max-slowdown", "100000%"];

/** One run of one cell, kept as the baseline `main`. */
const measured = mkdtempSync(join(tmpdir(), "gate-test-"));
beforeAll(async () => {
  const flags = ["--profile", "smoke", "--save-baseline", "main", "--force", "--out", measured];
  const { code, stderr } = await call("bench", [...SMALL, ...flags]);
  expect(code, stderr).toBe(0);
});
afterAll(() => rmSync(measured, { recursive: true }));

/** A copy of it, to change. */
function withBaseline(): string {
  const out = temporaryFolder();
  cpSync(measured, out, { recursive: true });
  return out;
}

const read = (file: string): Results => parseResults(readFileSync(file, "utf8"));
const rewrite = (file: string, edit: (results: Results) => Results): void =>
  writeFileSync(file, formatResults(edit(read(file))));
/** Results of a run in which every worker was killed. */
const allCrashed = (results: Results): Results => ({
  ...results,
  cells: results.cells.map(({ backend, method, dtype, workload }) => {
    const reason = "the worker was killed";
    return { backend, method, dtype, workload, status: "crashed", reason };
  }),
});

/** Results of another machine, with larger errors. */
const lessExactElsewhere = (results: Results): Results => ({
  ...results,
  environment: { ...results.environment, cpu: "Another" },
  cells: results.cells.map(({ accuracy, ...cell }) => ({
    ...cell,
    gradientDigest: `sha256:${"0".repeat(64)}`,
    ...(accuracy ? { accuracy: { ...accuracy, gradient: { ...accuracy.gradient, relL2: 1 } } } : {}),
  })),
});

/** Rewrites a baseline. */
const change = (out: string, edit: (results: Results) => Results): void =>
  rewrite(join(out, "baselines", "main.json"), edit);
/** The same results with settled times of gradients, divided by a number. */
const settled =
  (divisor = 1) =>
  (results: Results): Results => ({
    ...results,
    cells: results.cells.map((cell) => {
      const gradient = cell.timing?.gradient;
      if (!gradient) return cell;
      const medianNs = gradient.medianNs / divisor;
      return { ...cell, timing: { gradient: { ...gradient, medianNs, steadiness: "settled" } } };
    }),
  });
const withoutCommit = (results: Results): Results => ({ ...results, run: { ...results.run, commit: null } });

/** The files of a comparison, and those of a gate. */
const COMPARISON = [
  ...["baseline.bench.txt", "bencher.json", "candidate.bench.txt", "comment.md"],
  ...["github-action-benchmark.json", "junit.xml", "summary.md"],
];
const FORMATS = [...COMPARISON, "baseline.json", "outcome.json", "results.json"].sort();
/** The outcome of the only gate in a folder. */
const outcomeIn = (out: string): unknown => {
  const [folder = ""] = readdirSync(out).filter((name) => name.endsWith("-gate"));
  return JSON.parse(readFileSync(join(out, folder, "outcome.json"), "utf8"));
};

describe("--cell", () => {
  it("runs the cells that --list prints, and no others", async () => {
    const cells = ["tfjs-wasm manual/fused float32 4x3", "onnxruntime-cpu manual/naive float64 5x2"];
    const { stdout } = await call("bench", ["--list", ...cells.flatMap((cell) => ["--cell", cell])]);
    expect(stdout.trim().split("\n")).toEqual(cells);
  });

  it.each([
    ["tfjs-wasm manual/fused float32", /--cell takes a cell as --list prints it/],
    ["tfjs-wasm manual\u002ffusd float32 4x3", /unknown method "manual\/fusd": closest are manual\/fused/],
    ["tfjs-wsm manual/fused float32 4x3", /unknown backend "tfjs-wsm": closest are tfjs-wasm/],
  ])("refuses %j with one line", async (cell, message) => {
    const { code, stderr } = await call("bench", ["--list", "--cell", cell]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});

describe("the gate profile", () => {
  it("times gradients alone and keeps their digests, which are those of any other run", async () => {
    const args = [...SMALL, "--json"];
    const [gate, smoke] = [
      parseResults((await call("bench", ["--profile", "gate", ...args, "--out", temporaryFolder()])).stdout),
      parseResults((await call("bench", ["--profile", "smoke", ...args, "--out", temporaryFolder()])).stdout),
    ];
    const [cell] = gate.cells;
    expect(cell?.gradientDigest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(Object.keys(cell?.timing ?? {})).toEqual(["gradient"]);
    expect(cell?.accuracy).toBeUndefined();
    expect(cell?.gradientDigest).toBe(smoke.cells[0]?.gradientDigest);
    expect(smoke.cells[0]?.accuracy?.gradient.boundRatio).toBeGreaterThan(0);
    expect(smoke.cells[0]?.accuracy?.gradient.boundRatio).toBeLessThan(1);
  });
});

describe("pnpm compare", () => {
  it("finds a run by every name that it has, and writes every format", async () => {
    const out = withBaseline();
    const [id] = readdirSync(out).filter((name) => name.endsWith("-smoke"));
    const names = [
      "latest",
      "main",
      id as string,
      join(out, id as string),
      join(out, "baselines", "main.json"),
    ];
    const folder = temporaryFolder();
    for (const name of names) {
      const { code, stdout } = await call("compare", ["main", name, "--in", out, "--out", folder]);
      expect(code).toBe(0);
      expect(stdout).toContain("1 cell compared");
    }
    expect(readdirSync(folder).sort()).toEqual(COMPARISON);
  });

  it("makes no run of a comparison, and leaves the results of a run's folder as they are", async () => {
    const out = withBaseline();
    const [id = ""] = readdirSync(out).filter((name) => name.endsWith("-smoke"));
    const before = readFileSync(join(out, id, "results.json"));
    for (const folder of [join(out, id), join(out, "99991231-235959-compared")]) {
      const { code } = await call("compare", ["main", "latest", "--in", out, "--out", folder]);
      expect(code).toBe(0);
    }
    expect(readFileSync(join(out, id, "results.json"))).toEqual(before);
    expect(runsIn(out)).toEqual([id]);
  });

  it.each([
    ["everything crashed", "Nothing comparable: latest against main", allCrashed],
    ["errors alone are compared, of which one is larger", "with a larger error", lessExactElsewhere],
  ])("exits 3 where %s, and 1 with --strict", async (_, headline, edit) => {
    const out = withBaseline();
    const [id = ""] = readdirSync(out).filter((name) => name.endsWith("-smoke"));
    rewrite(join(out, id, "results.json"), edit);
    const compared = ["main", "latest", "--in", out];
    const { code, stdout } = await call("compare", compared);
    expect(stdout).toContain(headline);
    expect(code).toBe(3);
    expect((await call("compare", [...compared, "--strict"])).code).toBe(1);
  });

  it("says that a step's summary cannot be written, in a line, and what it found all the same", async () => {
    const out = withBaseline();
    const folder = temporaryFolder();
    const { code, stdout, stderr } = await call("compare", ["main", "latest", "--in", out, "--out", folder], {
      env: { GITHUB_STEP_SUMMARY: folder },
    });
    expect(stdout).toContain("1 cell compared");
    expect(stderr).toMatch(/^the step's summary cannot be written: .*\nwrote .*\n$/);
    expect(code).toBe(0);
  });

  it("keeps no raw samples in a baseline", async () => {
    const out = withBaseline();
    const timings = Object.values(read(join(out, "baselines", "main.json")).cells[0]?.timing ?? {});
    expect(timings.map((timing) => timing?.samples)).toEqual([[], [], [], []]);
  });

  it("calls a run that takes 50 times as long slower, never a regression; fails with --strict alone", async () => {
    const out = withBaseline();
    change(out, settled(50));
    const [id = ""] = readdirSync(out).filter((name) => name.endsWith("-smoke"));
    rewrite(join(out, id, "results.json"), settled());
    const folder = temporaryFolder();
    const compared = ["main", "latest", "--in", out, "--out", folder];
    const { code, stdout } = await call("compare", compared);
    expect(stdout).toContain("1 slower: latest against main");
    expect(stdout).toContain("× as long");
    expect(code).toBe(0);
    for (const text of [stdout, ...COMPARISON.map((name) => readFileSync(join(folder, name), "utf8"))]) {
      expect(text).not.toMatch(/regression\b(?!-gate)/i);
    }
    expect((await call("compare", [...compared, "--strict"])).code).toBe(1);
  });

  it("takes the latest run of the same kind", async () => {
    const out = withBaseline();
    const other = ["--profile", "gate", "--no-provision", "--out", out];
    expect((await call("bench", [...SMALL, ...other])).code).toBe(0);
    const { stdout } = await call("compare", ["main", "latest", "--in", out]);
    expect(stdout).toContain("1 cell compared");
    const latest = readdirSync(out).filter((name) => name.endsWith("-smoke"));
    const again = await call("compare", ["main", latest.at(-1) ?? "", "--in", out]);
    const table = (text: string) =>
      text
        .split("\n")
        .slice(2)
        .join("\n")
        .replaceAll(latest.at(-1) ?? "", "latest");
    expect(table(again.stdout)).toBe(table(stdout));
    expect((await call("compare", ["latest", "latest", "--in", out])).code).toBe(2);
  });

  it("exits 3 between machines, naming what differs", async () => {
    const out = withBaseline();
    change(out, (results) => ({ ...results, environment: { ...results.environment, cpu: "Another" } }));
    const { code, stdout } = await call("compare", ["main", "latest", "--in", out]);
    expect(stdout).toContain("the machines differ: processor Another →");
    expect(code).toBe(3);
  });

  it.each([
    [
      ["nothing", "latest"],
      /no run, baseline, file or git revision with a run "nothing" in .*; there are main, /,
    ],
    [
      ["main", "latest", "--max-slowdown", "ten"],
      /--max-slowdown takes a percentage .* such as 10%, got "ten"/,
    ],
    [["main", "latest", "--max-slowdown", "0%"], /--max-slowdown takes a percentage of at least 1%/],
    [["main"], /missing required argument 'candidate'/],
  ])("%j exits 2 with one line", async (args, message) => {
    const out = withBaseline();
    const { code, stderr } = await call("compare", [...args, "--in", out]);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(code).toBe(2);
  });

  it("exits 2 for a file that is no results file, naming the field", async () => {
    const out = withBaseline();
    writeFileSync(join(out, "baselines", "main.json"), '{"schemaVersion": "1"}');
    const { code, stderr } = await call("compare", ["main", "latest", "--in", out]);
    expect(stderr).toMatch(/main\.json is not a results file: schemaVersion: /);
    expect(code).toBe(2);
  });

  it.each([
    [2, "use a newer one"],
    [0, "use the version that wrote it, or measure again"],
  ])(
    "exits 3 for results of schema version %i, which it does not call damaged, as the gate does",
    async (version, remedy) => {
      const out = withBaseline();
      writeFileSync(join(out, "baselines", "main.json"), `{"schemaVersion": ${version}}`);
      for (const [command, ...args] of [
        ["compare", "main", "latest", "--in"],
        ["gate", "--baseline", "main", "--no-provision", "--out"],
      ] as const) {
        const { code, stderr } = await call(command, [...args, out]);
        expect(stderr).toContain(
          `main.json is of another version of the results format: schemaVersion: ${version}, and this program reads 1; ${remedy}`,
        );
        expect(stderr.trim().split("\n")).toHaveLength(1);
        expect(code).toBe(3);
      }
      expect(outcomeIn(out)).toMatchObject({ outcome: "other-schema", exitCode: 3 });
    },
  );
});

describe("a run that a git revision names", () => {
  it("is the newest of its commit that can be read, and that no gate wrote", async () => {
    const out = withBaseline();
    const [id = ""] = readdirSync(out).filter((name) => name.endsWith("-smoke"));
    const commit = otherCommit();
    const file = join(out, id, "results.json");
    rewrite(file, (results) => ({ ...results, run: { ...results.run, commit } }));
    for (const name of ["99991231-235958-gate", "99991231-235959-damaged"]) mkdirSync(join(out, name));
    for (const name of ["results.json", "baseline.json"]) {
      cpSync(file, join(out, "99991231-235958-gate", name));
    }
    writeFileSync(join(out, "99991231-235959-damaged", "results.json"), "{");
    expect((await needResults(commit, out)).file).toBe(file);
  });
});

describe("--save-baseline", () => {
  it.each(["../main", "latest", ".x", ""])("refuses the name %j before it measures", async (name) => {
    const { code, stderr } = await call("bench", [
      ...SMALL,
      "--save-baseline",
      name,
      "--out",
      temporaryFolder(),
    ]);
    expect(stderr).toMatch(/--save-baseline takes a name of letters, digits/);
    expect(code).toBe(2);
  });
});

describe("pnpm gate", () => {
  it("compares with the file where the baseline's commit is not here, and says how weak that is", async () => {
    const out = withBaseline();
    change(out, withoutCommit);
    const { code, stderr } = await call("gate", [
      ...["--baseline", "main", ...SMALL, ...ANY_TIME, "--no-provision", "--out", out],
    ]);
    expect(stderr).toMatch(
      /^expected to take about \d+ s for 1 cell\nonly the file of main can be compared with, since it names no commit/,
    );
    expect(code).toBe(0);
    const folder = readdirSync(out).find((name) => name.endsWith("-gate"));
    expect(readdirSync(join(out, folder as string)).sort()).toEqual(FORMATS);
    expect(read(join(out, folder as string, "results.json")).cells).toHaveLength(1);
  });

  it("refuses a baseline from another machine that it cannot measure: exit 3, errors compared", async () => {
    const out = withBaseline();
    change(out, (results) => ({
      ...withoutCommit(results),
      environment: { ...results.environment, cpu: "Another" },
    }));
    const { code, stdout, stderr } = await call(
      "gate",
      ["--baseline", "main", ...SMALL, "--no-provision", "--out", out],
      { env: { GITHUB_ACTIONS: "true" } },
    );
    expect(stdout).toContain("Nothing comparable");
    expect(stderr).toMatch(
      /^::error title=softmax-bench gate%3A nothing comparable::.*Times are not compared, since the machines differ: processor Another → /m,
    );
    expect(code).toBe(3);
    expect(outcomeIn(out)).toEqual({ outcome: "nothing-comparable", exitCode: 3 });
  });

  it("exits 1 for an error above the baseline's, whatever the machine", async () => {
    const out = withBaseline();
    change(out, (results) => ({
      ...withoutCommit(results),
      environment: { ...results.environment, cpu: "Another" },
      cells: results.cells.map((cell) => ({
        ...cell,
        gradientDigest: `sha256:${"0".repeat(64)}`,
        ...(cell.accuracy
          ? {
              accuracy: {
                ...cell.accuracy,
                gradient: { ...cell.accuracy.gradient, medianUlp: 0, p99Ulp: 0 },
              },
            }
          : {}),
      })),
    }));
    const { code, stdout } = await call("gate", [
      ...["--baseline", "main", ...SMALL, "--max-error-growth", "0%", "--no-provision", "--out", out],
    ]);
    expect(stdout).toContain("Regression");
    expect(code).toBe(1);
    expect(outcomeIn(out)).toEqual({ outcome: "regression", exitCode: 1 });
  });

  it("is red again when it is repeated: the latest run is never what a gate measured", async () => {
    const out = withBaseline();
    const [id = ""] = readdirSync(out).filter((name) => name.endsWith("-smoke"));
    rewrite(join(out, id, "results.json"), (results) => ({
      ...withoutCommit(results),
      environment: { ...results.environment, cpu: "Another" },
      cells: results.cells.map(({ accuracy, ...cell }) => ({
        ...cell,
        gradientDigest: `sha256:${"0".repeat(64)}`,
        ...(accuracy
          ? { accuracy: { ...accuracy, gradient: { ...accuracy.gradient, medianUlp: 0, p99Ulp: 0 } } }
          : {}),
      })),
    }));
    const args = ["--baseline", "latest", ...SMALL, "--max-error-growth", "0%", "--no-provision"];
    for (let time = 0; time < 2; time++) {
      const { code, stderr } = await call("gate", [...args, "--out", out]);
      expect(stderr).toContain("only the file of latest can be compared with");
      expect(code).toBe(1);
    }
    expect((await needResults("latest", out)).file).toBe(join(out, id, "results.json"));
  });

  it("exits 3 where no workload is the baseline's: nothing is compared, so nothing passes", {
    tags: "nightly",
  }, async () => {
    const out = withBaseline();
    // With its commit, the baseline would be measured again, in that workload, too.
    change(out, withoutCommit);
    const args = ["--baseline", "main", ...ONE_CELL, "--workload", "64x1000", "--no-provision"];
    const { code, stdout } = await call("gate", [...args, "--out", out]);
    expect(stdout).toContain("Nothing comparable");
    expect(code).toBe(3);
  });

  /** Gates this checkout against a commit. */
  async function expectMeasuredInTurns(commit: string, env: NodeJS.ProcessEnv): Promise<void> {
    const out = temporaryFolder();
    const { code, stderr, stdout } = await run(
      "gate",
      [...["--baseline", commit, ...SMALL, ...ANY_TIME, "--no-provision", "--out", out]],
      { env: { ...env, GITHUB_STEP_SUMMARY: join(out, "step.md") } },
    );
    expect(code, stderr).toBe(0);
    expect(stderr).toContain("first look: block 2 of 2, 1 cell");
    expect(stdout).toContain("Both were measured here, in turns, in fresh processes.");
    const folder = readdirSync(out).find((name) => name.endsWith("-gate")) as string;
    expect(readdirSync(join(out, folder)).sort()).toEqual(FORMATS);
    expect(readFileSync(join(out, "step.md"), "utf8")).toBe(
      readFileSync(join(out, folder, "summary.md"), "utf8"),
    );
    const [cell] = read(join(out, folder, "results.json")).cells;
    // Two blocks of two processes at least.
    expect(cell?.timing?.gradient).toMatchObject({ scope: "processes" });
    expect(cell?.timing?.gradient?.processMedians?.length).toBeGreaterThanOrEqual(4);
    expect(cell?.accuracy?.gradient.boundRatio).toBeLessThan(1);
  }

  it("measures a commit and this checkout in turns, and writes every format before it exits", async () => {
    const commit = otherCommit();
    await expectMeasuredInTurns(commit, { SOFTMAX_BENCH_CACHE: await cacheWithRevision(commit) });
  });

  it("installs and builds the commit", { tags: "nightly" }, async () => {
    const head = execFileSync("git", ["rev-parse", "HEAD"], { cwd: ROOT, encoding: "utf8" }).trim();
    await expectMeasuredInTurns(head, { SOFTMAX_BENCH_CACHE: temporaryFolder() });
  });

  it("measures both in pages of a browser, in turns", { tags: "nightly" }, async () => {
    const out = temporaryFolder();
    const commit = otherCommit();
    const cell = ["--backend", "tfjs-cpu", "--method", "manual/fused", "--dtype", "float32"];
    const where = ["--host", "chromium", "--workload", "64x100", "--no-provision", "--out", out];
    const { code, stdout, stderr } = await run(
      "gate",
      ["--baseline", commit, ...cell, ...where, ...ANY_TIME],
      { env: { SOFTMAX_BENCH_CACHE: await cacheWithRevision(commit) } },
    );
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("1 cell compared: 1 pass.");
    const folder = readdirSync(out).find((name) => name.endsWith("-gate")) as string;
    expect(read(join(out, folder, "results.json")).cells).toMatchObject([
      { backend: "tfjs-cpu", host: "chromium", status: "ok", timing: { gradient: { scope: "processes" } } },
    ]);
  });

  it.each([
    [["--baseline", "no-such-thing"], /no run, baseline, file or git revision/],
    [["--baseline", "--upload-pack=x"], /argument missing|no run, baseline/],
    [[], /required option '--baseline <name>' not specified/],
  ])("%j exits 2", async (args, message) => {
    const { code, stderr } = await call("gate", [...args, "--no-provision", "--out", temporaryFolder()]);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  describe("--error-only", () => {
    const ERRORS = [...ONE_CELL, "--workload", "64x100,sweep/ties", "--error-only", "--no-provision"];

    it("passes on equal digests of cells and curves, without times or the oracle", {
      tags: "nightly",
    }, async () => {
      const commit = otherCommit();
      const out = temporaryFolder();
      const env = { SOFTMAX_BENCH_CACHE: await cacheWithRevision(commit) };
      const args = ["--baseline", commit, ...ERRORS, "--out", out];
      const { code, stdout, stderr } = await run("gate", args, { env });
      expect(code, stderr).toBe(0);
      expect(stdout).toContain("2 cells compared: 2 pass");
      expect(stderr).not.toContain("errors of");
      const folder = readdirSync(out).find((name) => name.endsWith("-gate")) as string;
      expect(readdirSync(join(out, folder)).sort()).toEqual(FORMATS);
      const { cells, precision } = read(join(out, folder, "results.json"));
      expect([cells[0]?.timing, cells[0]?.accuracy]).toEqual([undefined, undefined]);
      expect(precision?.curves[0]?.gradientDigest).toMatch(/^sha256:[0-9a-f]{64}$/);
    });

    it("compares changed gradients with the oracle, those along a sweep point by point", {
      tags: "nightly",
    }, async () => {
      // The baseline's every entry is off by 1 %, against a rounding error of some 1e-7 here.
      using wrong = injectedCheckout("wrong", { gradientError: 0.01 });
      const commit = otherCommit();
      const out = temporaryFolder();
      const cache = await cacheWithRevision(commit, {
        main: join(wrong.folder, "apps", "runner", "dist", "main.js"),
      });
      const { code, stdout, stderr } = await run("gate", ["--baseline", commit, ...ERRORS, "--out", out], {
        env: { SOFTMAX_BENCH_CACHE: cache },
      });
      expect(code, stderr).toBe(0);
      expect(stdout).toContain("2 cells compared: 2 changed");
      const folder = readdirSync(out).find((name) => name.endsWith("-gate")) as string;
      const relL2 = (name: string) => read(join(out, folder, name)).cells[0]?.accuracy?.gradient.relL2;
      expect(relL2("baseline.json")).toBeCloseTo(0.01, 4);
      expect(relL2("results.json")).toBeLessThan(1e-6);
      expect(read(join(out, folder, "baseline.json")).precision?.curves[0]?.points[0]?.relL2).toBeCloseTo(
        0.01,
        4,
      );
    });
  });

  it("exits 2 for an unknown workload, whatever lies among the runs", async () => {
    const commit = otherCommit();
    const out = temporaryFolder();
    mkdirSync(join(out, "99991231-235959-damaged"));
    writeFileSync(join(out, "99991231-235959-damaged", "results.json"), "{");
    const args = ["--baseline", commit, "--workload", "0x5", "--no-provision", "--out", out];
    const env = { SOFTMAX_BENCH_CACHE: await cacheWithRevision(commit) };
    const { code, stderr } = await call("gate", args, { env });
    expect(stderr).toMatch(/workload 0x5: expected 1 to/);
    expect(code).toBe(2);
  });

  it("says in the step's summary that it came to no verdict, and why, as text", async () => {
    const file = join(temporaryFolder(), "step.md");
    const args = ["--baseline", "no-such-`<b>`\u001b[2J", "--no-provision", "--out", temporaryFolder()];
    await call("gate", args, { env: { GITHUB_STEP_SUMMARY: file } });
    const text = readFileSync(file, "utf8");
    expect(text).toMatch(
      /^\*\*The gate came to no verdict\*\*: `[^`]*no run, baseline, file or git revision[^`]*`\n$/,
    );
    expect(text.trimEnd()).not.toMatch(/\p{Cc}/u);
  });

  it.each([
    ["what is no duration", ["--baseline", "main", "--time", "soon"], /--time takes a duration .*"soon"/],
    ["no baseline", [], /required option '--baseline <name>' not specified/],
    ["counts in pages", ["--baseline", "main", "--instructions", "--host", "chromium"], /--host chromium/],
  ])("leaves an annotation, a summary and a folder where it cannot begin: %s", async (_, flags, why) => {
    const [file, out] = [join(temporaryFolder(), "step.md"), temporaryFolder()];
    const { code, stderr } = await call("gate", [...flags, "--no-provision", "--out", out], {
      env: { GITHUB_ACTIONS: "true", GITHUB_STEP_SUMMARY: file },
    });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^::error title=softmax-bench gate%3A no verdict::/);
    expect(readFileSync(file, "utf8")).toMatch(why);
    expect(outcomeIn(out)).toEqual({ outcome: "usage", exitCode: 2, reason: expect.stringMatching(why) });
  });

  it("leaves a folder, too, where it is stopped, with a word for that", async () => {
    const out = temporaryFolder();
    const streams = { stdout: new PassThrough(), stderr: new PassThrough(), stdin: process.stdin };
    const console = { ...streams, signal: AbortSignal.abort() } as unknown as Console;
    const code = await gate(["--baseline", "HEAD", ...SMALL, "--no-provision", "--out", out], console);
    expect(code).toBe(130);
    expect(outcomeIn(out)).toEqual({
      outcome: "stopped",
      exitCode: 130,
      reason: "stopped; nothing was concluded",
    });
  });

  it("leaves an annotation and a summary for a flag that it does not know, and none for --help", async () => {
    const file = join(temporaryFolder(), "step.md");
    const env = { GITHUB_ACTIONS: "true", GITHUB_STEP_SUMMARY: file };
    const { stderr } = await call("gate", ["--baselin", "main"], { env });
    expect(stderr).toMatch(/^::error .*unknown option '--baselin'/);
    expect(readFileSync(file, "utf8")).toContain("unknown option '--baselin'");
    rmSync(file);
    expect((await call("gate", ["--help"], { env })).stderr).toBe("");
    expect(existsSync(file)).toBe(false);
  });

  it.each([
    [["--backend", "tfjs-node-gpu", "--method", "manual/fused", "--dtype", "float32", "--workload", "4x3"]],
    [["--cell", "tfjs-node-gpu manual/fused float32 4x3"]],
  ])("never passes without a backend that was asked for by name: %j", async (cell) => {
    const commit = otherCommit();
    const out = temporaryFolder();
    const args = ["--baseline", commit, ...cell, "--no-provision", "--out", out];
    // The cache does not have its native parts.
    const env = { SOFTMAX_BENCH_CACHE: await cacheWithRevision(commit), LIBTENSORFLOW_DIR: "" };
    const { code, stderr } = await call("gate", args, { env });
    expect(stderr).toContain("gate: tfjs-node-gpu is unavailable: ");
    expect(code).toBe(2);
    expect(outcomeIn(out)).toEqual({ outcome: "backend-missing", exitCode: 2 });
  });
});

describe("pnpm gate validate --quick", () => {
  it("finds what is injected, goes on where it was stopped, and writes a page", {
    tags: "nightly",
  }, async () => {
    const out = temporaryFolder();
    const first = await call("validate-gate", ["--quick", "--out", out]);
    const journal = readFileSync(join(out, "journal.jsonl"), "utf8").trim().split("\n");
    expect(journal, first.stderr).toHaveLength(4);
    expect(first.stdout).toContain(
      "holds: A relative error of 1e-6 in a gradient is always found: 10 of 10 found",
    );
    expect(first.stdout).toContain("holds: A slowdown of 100 % in one method is found");
    expect(first.stdout).toContain("holds: Every cell that was asked for ran: all did");

    // As if it had been stopped before the last experiment, in the middle of a line.
    writeFileSync(join(out, "journal.jsonl"), `${journal.slice(0, 3).join("\n")}\n{"type":"outc`);
    const { stderr } = await call("validate-gate", ["--quick", "--out", out]);
    expect(stderr.match(/experiment \d of 3/g)).toEqual(["experiment 3 of 3"]);
    expect(readFileSync(join(out, "journal.jsonl"), "utf8").trim().split("\n")).toHaveLength(4);
    expect(readFileSync(join(out, "validation.md"), "utf8")).toMatch(
      /^# Validation of the regression gate\n/,
    );
  });

  it("goes over all experiments, those of before included, and fails where one does not hold", async () => {
    const { cpu, cores, node } = describeEnvironment();
    const startedAt = "2026-01-01T00:00:00.000Z";
    const header = { type: "validation", quick: true, commit: currentCommit(), cpu, cores, node, startedAt };
    const outcome = (id: string, kind: string, injected: boolean, verdict: string) => {
      const cell = { cell: "onnxruntime-cpu manual/fused float32 128x1000", injected, verdict, reason: "" };
      return { type: "outcome", id, kind, seconds: 60, cells: [cell], broken: [] };
    };
    const lines = [
      header,
      outcome("error", "error", true, "changed"),
      outcome("slowdown manual/fused", "slowdown", true, "inconclusive"),
      outcome("A/A 1", "A/A", false, "pass"),
    ];
    const out = temporaryFolder();
    writeFileSync(join(out, "journal.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const { code, stdout, stderr } = await call("validate-gate", ["--quick", "--out", out]);
    expect(stderr).toBe(`wrote ${join(out, "validation.md")}\n`);
    expect(stdout).toMatch(/^holds: A relative error of 1e-6 in a gradient is always found: 1 of 1 found/m);
    expect(stdout).toMatch(/^FAILS: A slowdown of 100 % in one method .*: 0 of 1 found, 1 inconclusive$/m);
    expect(code).toBe(1);
    expect(readFileSync(join(out, "validation.md"), "utf8")).toContain("**does not hold**");
  });

  it("refuses to go on with the journal of another validation", async () => {
    const out = temporaryFolder();
    const header = { type: "validation", quick: false, commit: null, cpu: "x", cores: 1, node: "v1" };
    const startedAt = "2026-01-01T00:00:00.000Z";
    writeFileSync(join(out, "journal.jsonl"), `${JSON.stringify({ ...header, startedAt })}\n`);
    const { code, stderr } = await call("validate-gate", ["--quick", "--out", out]);
    expect(stderr).toMatch(
      /was begun with quick false, and now it is true; delete it, or choose another --out/,
    );
    expect(code).toBe(2);
  });
});
