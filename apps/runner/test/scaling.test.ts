import { readFileSync } from "node:fs";
import { join } from "node:path";
import { heldMemory } from "@softmax-bench/report";
import { describe, expect, it } from "vitest";
import type { MeasuredSeries } from "../dist/experiments/experiment.js";
import { scalingSection } from "../dist/experiments/scaling/section.js";
import { shapeGrid, threadCounts } from "../dist/experiments/scaling/shapes.js";
import { call, onlyRun, start, temporaryFolder } from "./support/cli.js";

const SMALL = ["--rows", "1,64,256", "--classes", "10,1000", "--threads", "1,2"];

describe("pnpm study scaling", () => {
  const expectScaled = async (backends: readonly string[]) => {
    const out = temporaryFolder();
    const flags = ["--backend", backends.join(), ...SMALL, "--out", out];
    const { code, stdout, stderr } = await call("scaling", flags);
    // Experiments are done in the first process of each backend.
    expect(stderr).not.toContain("process 2 of each backend");
    const { results, path } = onlyRun(out);
    const { scaling, run: record, cells } = results();
    expect(code).toBe(0);
    expect(record).toMatchObject({ command: "scaling", status: "complete" });
    expect(cells).toEqual([]);
    expect(scaling?.series.map(({ backend, threads, status }) => [backend, threads, status])).toEqual(
      backends.flatMap((id) => [
        [id, 1, "ok"],
        // TensorFlow.js has one thread, whatever is asked for.
        [id, 2, id === "tfjs-wasm" ? "unsupported" : "ok"],
      ]),
    );
    for (const { points, fit, status } of scaling?.series ?? []) {
      if (status !== "ok") continue;
      expect(points.map(({ rows, classes }) => rows * classes)).toEqual([
        10, 640, 1000, 2560, 64_000, 256_000,
      ]);
      for (const { medianNs, samples, steadiness } of points) {
        expect(medianNs).toBeGreaterThan(0);
        expect(samples).toBeGreaterThanOrEqual(3);
        expect(["settled", "unsettled", "untested"]).toContain(steadiness);
      }
      // On a busy machine, times may not settle, and a fit needs all six.
      const isFitted = points.every(({ steadiness }) => steadiness !== "unsettled");
      expect(fit !== undefined).toBe(isFitted);
      expect(fit?.relativeError ?? 0).toBeGreaterThanOrEqual(0);
      // A busy machine can hide the bandwidth of shapes that are this small; then none is claimed.
      expect(fit?.bytesPerSecond ?? Number.POSITIVE_INFINITY).toBeGreaterThan(1e7);
    }
    const compared = scaling?.threading.map(({ backend, threads }) => [backend, threads]);
    if (compared?.length !== 0) expect(compared).toEqual([["wasm-simd", 2]]);
    expect(stdout).toContain("Scaling");
    expect(readFileSync(join(path, "report.md"), "utf8")).toContain("## Scaling");
  };
  const claim = "times every shape with every number of threads, fits the times, and looks at memory: %j";
  it.each([[["wasm-simd"]]])(claim, expectScaled);
  it.each([[["tfjs-wasm", "wasm-simd"]]])(claim, { tags: "nightly" }, expectScaled);

  it("finds memory that grows linearly and is given back, or used again", { tags: "nightly" }, async () => {
    const out = temporaryFolder();
    const backends = ["wasm-simd", "onnxruntime-cpu", "tfjs-wasm", "tfjs-node-gpu"];
    const small = ["--rows", "1", "--classes", "10", "--threads", "1"];
    const { code } = await call("scaling", ["--backend", backends.join(","), ...small, "--out", out]);
    expect(code).toBe(0);
    const { series = [] } = onlyRun(out).results().scaling ?? {};
    const held = series.flatMap((one) => heldMemory(one) ?? []);
    expect(held).toHaveLength(series.filter(({ status }) => status === "ok").length);
    expect(held.length).toBeGreaterThanOrEqual(3);
    for (const { backend, bytesPerElement, deviation, growth, words } of held) {
      // Logits and gradient are float32 each, and the runtime has at least one of them.
      expect(bytesPerElement, backend).toBeGreaterThan(3.5);
      expect(deviation, backend).toBeLessThan(0.35);
      expect(growth, backend).toBeLessThan(0.15);
      expect(words, backend).not.toContain("grows");
    }
  });

  it("continues where it was stopped", { tags: "nightly" }, async () => {
    const out = temporaryFolder();
    const stopped = start(["scaling", "--backend", "wasm-simd", ...SMALL, "--out", out]);
    await stopped.says("[1/2]");
    stopped.child.kill("SIGTERM");
    const { code, stderr } = await stopped.ended;
    expect(code).toBe(130);
    const { id, results } = onlyRun(out);
    expect(stderr).toContain(`continue with: pnpm study scaling --resume ${id}`);
    const before = results().scaling?.series ?? [];
    const { code: after } = await call("scaling", ["--resume", id, "--out", out]);
    expect(after).toBe(0);
    const { scaling, run: record } = results();
    expect(record.status).toBe("complete");
    expect(scaling?.series).toHaveLength(2);
    expect(scaling?.series.slice(0, before.length)).toEqual(before);
  });

  it.each([
    [["--rows", "0"], /--rows takes a whole number from 1 to 67108864, got "0"/],
    [["--classes", "1e3"], /--classes takes a whole number from 1 to 67108864, got "1e3"/],
    [["--threads", "2000"], /--threads takes a whole number from 1 to 1024, got "2000"/],
    [
      ["--rows", "67108864", "--classes", "2"],
      /leave no shape of at most 67108864 elements; the smallest has/,
    ],
    [["--resume", "x", "--rows", "1"], /leave out its rows/],
    [["--backend", "tfjs-wsm"], /unknown backend "tfjs-wsm"/],
  ])("%j exits 2 with one line", async (args, message) => {
    const { code, stderr } = await call("scaling", [...args, "--out", temporaryFolder()]);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(code).toBe(2);
  });
});

describe("a folder that no file system lets be made", () => {
  it("is refused at once", async () => {
    const { code, stderr } = await call("scaling", [
      "--backend",
      "jax-js",
      "--out",
      "/proc/softmax-bench/runs",
    ]);
    expect(stderr).toMatch(
      /cannot write to --out \/proc\/softmax-bench\/runs: ENOENT.*; choose another folder/,
    );
    expect(code).toBe(2);
  });
});

describe("shapes", () => {
  it("are every pair of rows and classes, small ones first, up to 64 Mi elements", () => {
    expect(shapeGrid([1, 2 ** 16], [4, 2 ** 10, 2 ** 11])).toEqual([
      { rows: 1, classes: 4 },
      { rows: 1, classes: 2 ** 10 },
      { rows: 1, classes: 2 ** 11 },
      { rows: 2 ** 16, classes: 4 },
      { rows: 2 ** 16, classes: 2 ** 10 },
    ]);
  });

  it.each([
    [1, [1]],
    [2, [1, 2]],
    [6, [1, 2, 4, 6]],
  ])("threads worth trying on %i cores are %j", (cores, counts) => {
    expect(threadCounts(cores)).toEqual(counts);
  });
});

describe("what is concluded from times", () => {
  const SHAPES = shapeGrid([1, 16, 256, 4096], [2, 128, 8192]);
  const series = (threads: number, time: (rows: number, classes: number) => number): MeasuredSeries => ({
    backend: "a",
    method: "manual/fused",
    dtype: "float32",
    threads,
    status: "ok",
    points: SHAPES.map(({ rows, classes }) => ({ rows, classes, medianNs: time(rows, classes), samples: 9 })),
  });

  it("is the model that they follow", () => {
    // 5 µs, 20 ns a row, 10 GB/s: 0.1 ns for each of 8 bytes an element.
    const { series: [first] = [] } = scalingSection([series(1, (n, c) => 5000 + 20 * n + 0.8 * n * c)]);
    expect(first?.fit?.overheadNs).toBeCloseTo(5000, 3);
    expect(first?.fit?.rowNs).toBeCloseTo(20, 6);
    expect(first?.fit?.bytesPerSecond).toBeCloseTo(1e10, -2);
    expect(first?.fit?.relativeError).toBeLessThan(1e-9);
  });

  it("is nothing from times that had not settled", () => {
    const one = series(1, (n, c) => 5000 + 20 * n + 0.8 * n * c);
    const [slow, ...others] = one.points;
    const unsettled = {
      ...slow,
      rows: 1,
      classes: 2,
      medianNs: 9e6,
      samples: 9,
      steadiness: "unsettled",
    } as const;
    const { series: [first] = [], threading } = scalingSection([
      { ...one, points: [unsettled, ...others] },
      { ...one, threads: 2 },
    ]);
    expect(first?.fit?.overheadNs).toBeCloseTo(5000, 3);
    expect(first?.points[0]).toEqual(unsettled);
    // Not 9 ms over 5 µs.
    expect(threading).toEqual([expect.objectContaining({ fromElements: null, best: 1 })]);
  });

  it("is the same from untested times, which are those of the largest shapes", () => {
    const one = series(1, (n, c) => 5000 + 20 * n + 0.8 * n * c);
    const points = one.points.map((point) => ({
      ...point,
      steadiness: point.rows * point.classes > 1e6 ? ("untested" as const) : ("settled" as const),
    }));
    const { series: [first] = [], threading } = scalingSection([
      { ...one, points },
      { ...one, points, threads: 2 },
    ]);
    expect(first?.fit).toEqual(scalingSection([one]).series[0]?.fit);
    expect(threading).toEqual([expect.objectContaining({ fromElements: null, best: 1 })]);
  });

  it("has no negative part, whatever the times", () => {
    const { series: [first] = [] } = scalingSection([series(1, (n, c) => 0.8 * n * c - 0.3 * n + 1)]);
    expect(first?.fit?.overheadNs).toBeGreaterThanOrEqual(0);
    expect(first?.fit?.rowNs).toBe(0);
  });

  it("is no bandwidth where times do not grow", () => {
    const { series: [first] = [] } = scalingSection([series(1, () => 1e6)]);
    expect(first?.fit).toMatchObject({ rowNs: expect.closeTo(0, 3), relativeError: expect.closeTo(0, 6) });
  });

  it("is from how many elements on a second thread pays, for every shape", () => {
    const one = (n: number, c: number) => 1000 + n * c;
    const two = (n: number, c: number) => 6000 + (n * c) / (n > 1 ? 2 : 1);
    const { threading } = scalingSection([series(1, one), series(2, two)]);
    // 1 × 8192 gains nothing; 256 × 128 is the next that is larger.
    expect(threading).toEqual([
      expect.objectContaining({ threads: 2, fromElements: 256 * 128, best: expect.closeTo(2, 1) }),
    ]);
    const never = scalingSection([series(1, one), series(2, one)]).threading;
    expect(never).toEqual([expect.objectContaining({ fromElements: null, best: 1 })]);
  });

  it("is not that a second thread pays where times of identical code may differ as much", () => {
    const one = (n: number, c: number) => 1000 + n * c;
    const pays = (ratio: number) =>
      scalingSection([series(1, one), series(2, (n, c) => one(n, c) / ratio)]).threading;
    expect(pays(1.14)).toEqual([
      expect.objectContaining({ fromElements: null, best: expect.closeTo(1.14, 9) }),
    ]);
    expect(pays(1.16)).toEqual([expect.objectContaining({ fromElements: 2, best: expect.closeTo(1.16, 9) })]);
  });
});
