import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findWorkload, generateInputs } from "@softmax-bench/core";
import { assessGradient, assessLoss, oracle } from "@softmax-bench/numerics";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call, onlyRun, temporaryFolder } from "./support/cli.js";

const SOURCE = fileURLToPath(new URL("../../../tools/native-limit/limit.c", import.meta.url));

/** A C compiler, which only this command needs; it is required where tests decide what lands. */
const hasCompiler = spawnSync("cc", ["--version"]).status === 0 || process.env.CI;
if (!hasCompiler) it.skip("there is no C compiler: install one, e.g. apt-get install gcc");

describe.runIf(hasCompiler)("the native yardstick", () => {
  const folder = mkdtempSync(join(tmpdir(), "softmax-bench-limit-test-"));
  const program = join(folder, "limit");
  beforeAll(() => {
    execFileSync("cc", ["-o", program, SOURCE, "-O3", "-march=native", "-fopenmp", "-std=gnu11", "-lm"]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    ["float32", "7x33", 4e-6],
    ["float32", "64x1000", 4e-6],
    ["float64", "7x33", 1e-14],
    ["float64", "1x1", 1e-14],
  ] as const)("computes the gradient: %s, %s", (dtype, shape, tolerance) => {
    const workload = findWorkload(shape);
    if (!workload) throw new Error(shape);
    const { rows, classes } = workload;
    const { logits, labels } = generateInputs(workload, dtype, 1);
    const bytes = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
      new Uint8Array(buffer, byteOffset, byteLength);
    const input = Buffer.concat([bytes(logits), bytes(labels)]);
    const said = execFileSync(program, ["gradient", dtype, `${rows}`, `${classes}`], { input });
    const answer = said.buffer.slice(said.byteOffset, said.byteOffset + said.length);
    const reference = oracle({ rows, classes, logits, labels });
    const [loss] = new Float64Array(answer, 0, 1);
    const gradient = dtype === "float32" ? new Float32Array(answer, 8) : new Float64Array(answer, 8);
    expect(gradient).toHaveLength(rows * classes);
    expect(assessGradient(gradient, reference).relL2).toBeLessThan(tolerance);
    expect(assessLoss(Float64Array.of(loss as number), reference)).toBeLessThan(10 * tolerance);
  });

  it.each([
    [["time", "float16", "1", "1", "1", "1"], /expected float32 or float64/],
    [["time", "float32", "0", "1", "1", "1"], /expected a whole number/],
    [[], /expected: time/],
  ])("refuses %j", (args, message) => {
    expect(() => execFileSync(program, args, { stdio: "pipe" })).toThrow(message);
  });
});

describe.runIf(hasCompiler)("pnpm study limit", () => {
  const SMALL = [
    "--profile",
    "smoke",
    "--backend",
    "wasm-simd",
    "--workload",
    "64x100",
    "--dtype",
    "float32",
  ];

  /** One run for all tests, of which each has a copy. */
  const measured = mkdtempSync(join(tmpdir(), "limit-test-"));
  beforeAll(async () => {
    expect((await call("bench", [...SMALL, "--out", measured])).code).toBe(0);
  });
  afterAll(() => rmSync(measured, { recursive: true }));

  function withRun(): string {
    const out = temporaryFolder();
    cpSync(measured, out, { recursive: true });
    return out;
  }

  it("times native code on a run's workloads, and says how far its backends are from that", async () => {
    const out = withRun();
    const { code, stdout, stderr } = await call("limit", ["--in", out]);
    // Where other tests run at the same time, it says so, and keeps nothing.
    const isBusy = stderr.includes("the machine was busy: times varied on 64x100 float32");
    expect(code, stderr).toBe(isBusy ? 1 : 0);
    expect(existsSync(join(onlyRun(out).path, "native-limit.json"))).toBe(!isBusy);
    expect(stdout).toMatch(
      /64x100\s+float32\s+wasm-simd\s+manual\/\S+\s+\d+\s+\S+ [µm]s(, \w+)?\s+\S+ %\s.*\S+ [µnm]?s\s+\S+×/,
    );
    const { stdout: json } = await call("limit", ["--in", out, "--json"]);
    expect(JSON.parse(json).times).toEqual([
      expect.objectContaining({ workload: "64x100", dtype: "float32", medianNs: expect.any(Number) }),
    ]);
  });

  it("needs a compiler, and says so", async () => {
    const out = withRun();
    const { code, stderr } = await call("limit", ["--in", out], { env: { CC: "no-such-compiler" } });
    expect(stderr.trim().split("\n").at(-1)).toMatch(
      /no-such-compiler did not build .*; install a C compiler with OpenMP, e\.g\. apt-get install gcc, or name one in CC/,
    );
    expect(code).toBe(2);
    expect(existsSync(join(onlyRun(out).path, "native-limit.json"))).toBe(false);
  });

  it("blames a compiler that makes nothing", async () => {
    const out = withRun();
    const { code, stderr } = await call("limit", ["--in", out], { env: { CC: "true" } });
    expect(stderr.trim().split("\n").at(-1)).toMatch(
      /true did not build .*: it made no program; install a C compiler/,
    );
    expect(code).toBe(2);
  });

  it("leaves out what a file names that is no workload, and writes nothing beside a file from elsewhere", async () => {
    const out = withRun();
    const results = JSON.parse(readFileSync(join(onlyRun(out).path, "results.json"), "utf8"));
    for (const cell of results.cells) cell.workload = "999999999x999999999";
    const file = join(out, "foreign.json");
    writeFileSync(file, JSON.stringify(results));
    const { code, stderr } = await call("limit", [file, "--in", out]);
    expect(stderr.trim()).toMatch(
      /foreign\.json has no cells that were timed on a processor, as runs of the command bench have; name such a run/,
    );
    expect(code).toBe(2);
    expect(existsSync(join(out, "native-limit.json"))).toBe(false);
  });

  it("refuses a run of several machines", async () => {
    const out = withRun();
    const file = join(onlyRun(out).path, "results.json");
    const results = JSON.parse(readFileSync(file, "utf8"));
    results.machines = [{ id: "a", environment: results.environment }];
    writeFileSync(file, JSON.stringify(results));
    const { code, stderr } = await call("limit", ["--in", out]);
    expect(stderr).toContain("was measured on several machines; name a run of this one alone");
    expect(code).toBe(2);
  });

  it("refuses a run of another machine", async () => {
    const out = withRun();
    const file = join(onlyRun(out).path, "results.json");
    const results = JSON.parse(readFileSync(file, "utf8"));
    results.environment.cpu = "Another CPU";
    writeFileSync(file, JSON.stringify(results));
    const { code, stderr } = await call("limit", ["--in", out]);
    expect(stderr).toMatch(/was measured on \d+ cores of Another CPU, and this machine has .*: pnpm bench/);
    expect(code).toBe(2);
  });
});
