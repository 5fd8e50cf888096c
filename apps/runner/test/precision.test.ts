import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SWEEPS, type Sweep } from "@softmax-bench/core";
import { oracle } from "@softmax-bench/numerics";
import { describe, expect, it } from "vitest";
import { CHECK_CASES, Check, type CheckCase } from "../dist/user-gradient/gradcheck.js";
import { call, onlyRun, start, temporaryFolder } from "./support/cli.js";

const BOTH = ["--backend", "tfjs-wasm,onnxruntime-cpu"];

describe("pnpm study precision", () => {
  it("counts what underflows in float16, and shows that a loss scale brings it back", {
    tags: "nightly",
  }, async () => {
    const out = temporaryFolder();
    const args = ["--sweep", "loss-scale", "--method", "manual/fused", "--dtype", "float16", "--out", out];
    const { code } = await call("precision", [...args, "--backend", "onnxruntime-cpu"]);
    expect(code).toBe(0);
    const points = onlyRun(out).results().precision?.curves[0]?.points ?? [];
    const shares = (x: number) => {
      const range = points.find((point) => point.x === x)?.range;
      return range && [range.underflows / range.entries, range.subnormals / range.entries];
    };
    // exp(x) / (1000 √e) / 3200, x standard normal, is below half of 2^-24 where x < −1.85: 3.2 %.
    const [underflow = 0, subnormal = 0] = shares(1) ?? [];
    expect(underflow).toBeGreaterThan(0.029);
    expect(underflow).toBeLessThan(0.036);
    // All others but the target's are below 2^-14.
    expect(underflow + subnormal).toBeCloseTo(0.999, 3);
    expect(shares(2 ** 16)).toBeUndefined();
    expect(points.map(({ p99Ulp }) => p99Ulp)).toEqual(points.map(() => 0));
  });

  const expectDrawn = async (sweeps: readonly Sweep[]) => {
    const out = temporaryFolder();
    const methods = ["--method", "manual/naive,manual/shifted,manual/exact-target"];
    const ids = sweeps.map(({ id }) => id);
    const { code, stdout } = await call("precision", [
      ...BOTH,
      ...methods,
      "--sweep",
      ids.join(),
      "--out",
      out,
    ]);
    const { path, results } = onlyRun(out);
    const { precision, cells, run: record } = results();
    expect(code).toBe(0);
    expect(record).toMatchObject({ command: "precision", status: "complete" });
    expect(cells).toEqual([]);
    expect(precision?.sweeps.map(({ id }) => id)).toEqual(ids);
    expect(precision?.curves).toHaveLength(2 * 3 * 2 * sweeps.length);
    for (const { backend, dtype, status, sweep, points } of precision?.curves ?? []) {
      const supported = dtype === "float32" || backend === "onnxruntime-cpu";
      expect(status).toBe(supported ? "ok" : "unsupported");
      const expected = SWEEPS.find(({ id }) => id === sweep)?.points(dtype);
      expect(points.map(({ x }) => x)).toEqual(supported ? expected : []);
    }

    const find = (sweep: string, method: string) =>
      precision?.curves.find(
        (curve) =>
          curve.backend === "onnxruntime-cpu" &&
          curve.dtype === "float32" &&
          curve.sweep === sweep &&
          curve.method === method,
      )?.points ?? [];
    const firstNonFinite = find("overflow", "manual/naive").find(({ nonFinite }) => nonFinite > 0);
    expect(firstNonFinite?.x).toBeGreaterThan(88);
    expect(firstNonFinite?.x).toBeLessThanOrEqual(88.8);
    const counts = find("overflow", "manual/shifted").map(({ nonFinite }) => nonFinite);
    expect(new Set(counts)).toEqual(new Set([0]));
    const sure = (method: string) => find("confidence", method).find(({ x }) => x === 40)?.maxUlp;
    expect(sure("manual/shifted")).toBeGreaterThan(1e8);
    expect(sure("manual/exact-target")).toBeLessThan(100);

    expect(stdout).toContain("Which formulation?");
    expect(readFileSync(join(path, "report.md"), "utf8")).toContain("## Which formulation?");
  };
  const drawn = "draws %s for every backend, method and dtype, and answers from the data";
  const ANSWERING = SWEEPS.filter(({ id }) => ["overflow", "confidence"].includes(id));
  it.each([["two sweeps", ANSWERING]] as const)(drawn, (_, sweeps) => expectDrawn(sweeps));
  it.each([["every sweep", SWEEPS]] as const)(drawn, { tags: "nightly" }, (_, sweeps) => expectDrawn(sweeps));

  it("repeats the original experiment: forward and gradient distance, and both times", {
    tags: "nightly",
  }, async () => {
    const out = temporaryFolder();
    const only = ["--backend", "onnxruntime-cpu", "--sweep", "seed-3200"];
    const { code } = await call("precision", [...only, "--out", out]);
    const { cells, distances } = onlyRun(out).results();
    expect(code).toBe(0);
    expect(cells.map(({ method, dtype }) => `${method} ${dtype}`).sort()).toEqual([
      "autograd/naive float32",
      "autograd/naive float64",
      "manual/naive float32",
      "manual/naive float64",
    ]);
    for (const { dtype, sumAbs, loss, speedup } of distances) {
      const unit = dtype === "float32" ? 1e-7 : 1e-16;
      expect(sumAbs).toBeGreaterThan(unit / 10);
      expect(sumAbs).toBeLessThan(10 * unit);
      expect(loss).toBeLessThan(100 * unit);
      expect(speedup).toBeGreaterThan(0);
    }
    for (const { accuracy, timing } of cells) {
      expect(accuracy?.rowsChecked).toBe(3200);
      expect(timing?.gradient?.samples.length).toBeGreaterThan(0);
    }
  });

  it("can be stopped, and resumed where it was", { tags: "nightly" }, async () => {
    const out = temporaryFolder();
    const part = ["--backend", "tfjs-wasm", "--dtype", "float32", "--sweep", "classes,scale,ties"];
    const running = start(["precision", ...part, "--out", out]);
    await running.says("[4/30]");
    running.child.kill("SIGINT");
    const { code, stderr } = await running.ended;
    const { id, results } = onlyRun(out);
    expect(code).toBe(130);
    expect(stderr).toContain(`continue with: pnpm study precision --resume ${id}`);
    expect(results().run.status).toBe("interrupted");
    const before = results().precision?.curves.length ?? 0;
    expect(before).toBeGreaterThanOrEqual(4);
    expect(before).toBeLessThan(30);

    const resumed = await call("precision", ["--resume", id, "--out", out]);
    expect(resumed.code).toBe(0);
    expect(results().precision?.curves).toHaveLength(30);
    expect(results().run.status).toBe("complete");
  });

  it.each([
    [["--sweep", "clases"], /unknown sweep "clases": closest are classes/],
    [["--backend", "tfjs-wasm", "--dtype", "float64"], /leaves nothing to run: tfjs-wasm has only float32/],
    [["--resume", "x", "--sweep", "ties"], /leave out its sweep/],
    [["--seed", "1.5"], /--seed takes a whole number/],
  ])("%j exits 2 with one line", async (args, message) => {
    const { code, stdout, stderr } = await call("precision", args);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });
});

describe("pnpm check", () => {
  it("passes every method, printing each tolerance and where it comes from", async () => {
    const { code, stdout } = await call("gradcheck", BOTH);
    expect(code).toBe(0);
    expect(stdout).toContain("Within their tolerances: 30 of 30 gradients.");
    expect(stdout).toContain("Blanchard, Higham and Higham 2021");
    expect(stdout).toContain("h = 2^-30");
    expect(stdout).toContain("tfjs-wasm float64, 11 methods: unsupported, TensorFlow.js has no float64");
    expect(stdout).not.toContain("FAILS");
  });

  it.each([
    ["float32", 1e-5],
    ["float64", 1e-14],
  ] as const)("notices when a %s gradient is off by %d", (dtype, offset) => {
    for (const check of CHECK_CASES.map((of) => new Check(of, dtype))) {
      const task = check.taskFor({ method: "manual/shifted", dtype });
      const { rows, classes, loss } = task;
      const exact = oracle({ rows, classes, ...check.inputs, ...loss }).gradient.hi;
      const right = check.compare(task, exact, undefined);
      expect(right.oracle.ratio).toBe(0);
      expect(right.differences.ratio).toBeLessThan(0.01);
      const wrong = exact.map((value, index) => value + (index === 8 ? offset : 0));
      const { oracle: against, differences } = check.compare(task, wrong, undefined);
      expect(against.ratio).toBeGreaterThan(1);
      expect(differences.ratio).toBeGreaterThan(1);
      expect(differences.error).toBeCloseTo(offset, 16);
    }
  });

  it("takes a value that is not a number as infinitely wrong", () => {
    const check = new Check(CHECK_CASES[0] as CheckCase, "float32");
    const task = check.taskFor({ method: "manual/shifted", dtype: "float32" });
    const computed = new Float32Array(35).fill(Number.NaN);
    expect(check.compare(task, computed, undefined).oracle.ratio).toBe(Number.POSITIVE_INFINITY);
  });

  const expectChecked = async (backends: readonly string[]) => {
    const where = ["--host", "chromium", "--backend", backends.join(), "--dtype", "float32"];
    const { code, stdout, stderr } = await call("gradcheck", [...where, "--method", "autograd/shifted"]);
    expect(code, stderr).toBe(0);
    for (const id of backends) {
      expect(stdout).toMatch(new RegExp(`^float32 +${id}@chromium +autograd/shifted .* ok$`, "m"));
    }
    const { length } = backends;
    expect(stdout).toContain(`Within their tolerances: ${length} of ${length} gradient`);
  };
  const claim = "checks gradients in a page: %j";
  it.each([[["tfjs-wasm", "jax-js-webgl"]]])(claim, { tags: "nightly" }, expectChecked);

  it("exits 2 for an unknown method, and 1 where no backend is available", async () => {
    const unknown = await call("gradcheck", ["--method", "manual/nave"]);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toMatch(/^gradcheck: unknown method "manual\/nave": closest are manual\/naive/);
    const none = await call("gradcheck", ["--backend", "tfjs-wasm"], { env: { NODE_OPTIONS: "--jitless" } });
    expect(none.code).toBe(1);
    expect(none.stderr).toContain("no backend is available\ntfjs-wasm: this Node has no WebAssembly");
  });
});
