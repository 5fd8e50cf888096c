import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Exchange } from "@softmax-bench/host-node";
import { findPython, PythonHost } from "@softmax-bench/host-python";
import { type Connection, PROTOCOL_VERSION, type Sampling, type WorkRequest } from "@softmax-bench/measure";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { describeWithPython } from "./support/python.js";

const SUPPORT = fileURLToPath(new URL("support", import.meta.url));
const TIMEOUT_MS = 120_000;

/** A runtime that needs nothing but NumPy. */
const RUNTIMES = { faulty: { module: "faulty", lacks: [], remedy: "none" } };
const TASK = { dtype: "float32", rows: 2, classes: 3 } as const;

async function connect(): Promise<{ host: PythonHost; connection: Connection }> {
  const exchange = new Exchange(() => {});
  const host = new PythonHost(await findPython(), exchange, RUNTIMES);
  const connection = host.connect({ PYTHONPATH: SUPPORT });
  onTestFinished(() => {
    connection.kill();
    exchange[Symbol.dispose]();
  });
  return { host, connection };
}

const open = (connection: Connection, backend: string, protocol = PROTOCOL_VERSION) =>
  connection.request({ type: "open", protocol, backend, threads: 1 }, TIMEOUT_MS);

/** A host that holds logits from a value on, and an open worker. */
async function openWith(first: number) {
  const { host, connection } = await connect();
  const outcome = await open(connection, "faulty");
  expect(outcome).toMatchObject({ kind: "answered", reply: { type: "opened" } });
  const logits = Float32Array.from({ length: 6 }, (_, index) => first + index);
  host.holdInputs({ id: `from ${first}`, make: () => [logits, Int32Array.of(0, 1)] });
  const run = (
    method: `${"manual" | "autograd"}/${string}`,
    over: Partial<WorkRequest> = {},
    timeoutMs = TIMEOUT_MS,
  ) =>
    connection.request(
      { type: "run", ...TASK, method, inputs: `from ${first}`, sets: 1, ...over } as WorkRequest,
      timeoutMs,
    );
  return { connection, logits, run };
}

const limits = (over: Partial<Sampling["limits"]["gradient"]> = {}) => ({
  warmUpNs: 0,
  settleNs: 50e6,
  patienceNs: 0,
  windowNs: 1e6,
  minSamples: 20,
  mostWindowNs: 20e6,
  fewestSamples: 3,
  maxSamples: 40,
  batchNs: 1e5,
  ...over,
});
const sampling = (over: Partial<Sampling> = {}): Sampling => ({
  phases: "all",
  singleShotAboveNs: 1e9,
  singleShots: 3,
  limits: { gradient: limits(), other: limits() },
  ...over,
});

await describeWithPython("a worker of Python", () => {
  it("gets arrays and gives arrays back, with what is to be known of the method", async () => {
    const { connection, logits, run } = await openWith(1);
    expect(await run("manual/fused")).toMatchObject({
      reply: { type: "computed", readback: "copies", note: "echoed", peakRssBytes: expect.any(Number) },
    });
    const [loss, gradient] = [new Float32Array(1), new Float32Array(6)];
    connection.readResults([loss, gradient]);
    expect([...loss, ...gradient]).toEqual([21, ...logits]);
  });

  it("samples every phase by the rules of JavaScript workers: a sample is the mean of a batch of calls", async () => {
    const { run } = await openWith(1);
    const outcome = await run("manual/fused", { sampling: sampling() });
    const { reply } = outcome as Extract<typeof outcome, { kind: "answered" }>;
    if (reply.type !== "computed") return expect.unreachable(JSON.stringify(reply));
    const { samples, sampling: record } = reply;
    for (const phase of ["forward", "gradient", "readback", "roundtrip"] as const) {
      expect(samples?.[phase].length, phase).toBeGreaterThanOrEqual(20);
      expect(record?.steadiness[phase]).toMatch(/^(?:un)?settled$/);
    }
    expect(record?.callsPerSample).toMatchObject({ readback: 1, roundtrip: 1 });
    expect(record?.callsPerSample.gradient).toBeGreaterThan(10);
    // Nothing watches for other programs here, and the record does not say so.
    expect(record).not.toHaveProperty("probeNs");
    expect(record).not.toHaveProperty("disturbedNs");
  });

  it("takes a few round trips of a slow cell, which cannot tell whether they had settled", async () => {
    const { run } = await openWith(1);
    expect(await run("manual/fused", { sampling: sampling({ singleShotAboveNs: 0 }) })).toMatchObject({
      reply: {
        samples: { forward: [], gradient: { length: 3 }, readback: { length: 3 }, roundtrip: { length: 3 } },
        sampling: { steadiness: { gradient: "untested", readback: "untested", roundtrip: "untested" } },
      },
    });
  });

  it.each(["all", "gradient"] as const)("calls no cell slow without a limit to that: %s", async (phases) => {
    const { run } = await openWith(1);
    const { singleShotAboveNs: _, ...unlimited } = sampling({ phases });
    expect(await run("manual/fused", { sampling: unlimited })).toMatchObject({
      reply: { type: "computed", sampling: { steadiness: { gradient: expect.stringMatching(/settled$/) } } },
    });
  });

  it("says how its memory and its times grow, on the inputs that JavaScript workers make", async () => {
    const { connection } = await openWith(1);
    const scale = { type: "scale", method: "manual/fused", ...TASK, limits: limits() } as const;
    expect(await connection.request(scale, TIMEOUT_MS)).toMatchObject({
      reply: { type: "scaled", steadiness: expect.stringMatching(/^((un)?settled|untested)$/) },
    });
    const memory = { type: "memory", method: "manual/fused", dtype: "float64", classes: 10 } as const;
    expect(await connection.request({ ...memory, rows: [10, 20] }, TIMEOUT_MS)).toMatchObject({
      reply: { type: "held", memory: { points: [{ elements: 100 }, { elements: 200 }] } },
    });
  });

  it("trains no network, and says so", async () => {
    const { connection } = await openWith(1);
    const network = { id: "mlp", depth: 2, batch: 2, dtype: "float32" } as const;
    const request = { type: "steps", network, methods: ["manual/fused"], sets: 1 } as const;
    expect(await connection.request(request, TIMEOUT_MS)).toMatchObject({ reply: { type: "unsupported" } });
  });

  it("computes no dtype that its runtime lacks, and says so", async () => {
    const { run } = await openWith(1);
    expect(await run("manual/fused", { dtype: "float16" })).toMatchObject({
      reply: { type: "unsupported", reason: "faulty 1.0 has no float16" },
    });
  });

  it("refuses a parent of another version", async () => {
    const { connection } = await connect();
    expect(await open(connection, "faulty", PROTOCOL_VERSION + 1)).toMatchObject({
      reply: {
        type: "failed",
        reason: expect.stringMatching(/expected protocol \d+, got \d+: .* build both again/),
      },
    });
  });

  it("has no backend that is not in its table", async () => {
    const { connection } = await connect();
    expect(await open(connection, "nope")).toMatchObject({
      reply: { type: "failed", reason: 'there is no backend "nope"' },
    });
  });

  it.each([
    ["pytorch", "torch", /apt-get install python3-torch \(.*MB.*SOFTMAX_BENCH_PYTHON/],
    ["jax", "jax", /pip install jax \(.*MB.*SOFTMAX_BENCH_PYTHON/],
  ])("says what brings %s where its module is missing", async (backend, module, remedy) => {
    const folder = mkdtempSync(join(tmpdir(), "python-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, `${module}.py`), `raise ModuleNotFoundError("No module named '${module}'")\n`);
    const host = new PythonHost(await findPython());
    const connection = host.connect({ PYTHONPATH: folder });
    onTestFinished(() => connection.kill());
    expect(await open(connection, backend)).toMatchObject({
      reply: {
        type: "unavailable",
        reason: expect.stringMatching(`^Python 3\\.\\S+ at /\\S+: No module named .${module}`),
        remedy: expect.stringMatching(remedy),
      },
    });
  });
});

await describeWithPython("a worker of Python that breaks", () => {
  it("reports an exception, and goes on", async () => {
    const { run } = await openWith(1);
    expect(await run("autograd/shifted")).toMatchObject({
      reply: { type: "failed", reason: "ArithmeticError: out of luck" },
    });
    expect(await run("manual/fused")).toMatchObject({ reply: { type: "computed" } });
  });

  it("is killed when its time has run out", async () => {
    const { run } = await openWith(1);
    expect(await run("autograd/naive", {}, 300)).toEqual({
      kind: "timeout",
      reason: "no result after 0.3 s",
    });
  });

  it.each([
    ["autograd/log-softmax", "ended by force", /^the worker was killed by SIGKILL/],
    [
      "autograd/library",
      "native",
      /^the worker was killed by SIGSEGV; it last printed: .*faulty\.py", line \d+ in gradient/,
    ],
    ["manual/naive", "exited", /^the worker exited with code 7/],
  ] as const)("is a crash for %s: %s", async (method, cause, reason) => {
    const { run } = await openWith(1);
    const outcome = await run(method);
    expect(outcome).toMatchObject({ kind: "crashed", cause, reason: expect.stringMatching(reason) });
  });
});

describe("the Python that references run in", () => {
  const withPython = (program: string) => {
    vi.stubEnv("SOFTMAX_BENCH_PYTHON", program);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
  };

  function script(lines: string): string {
    const folder = mkdtempSync(join(tmpdir(), "python-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const program = join(folder, "python");
    writeFileSync(program, `#!/bin/sh\n${lines}\n`);
    chmodSync(program, 0o755);
    return program;
  }

  it("is the one that SOFTMAX_BENCH_PYTHON names", async () => {
    const program = script("echo 3.12.1");
    withPython(program);
    expect(await findPython()).toEqual({ executable: program, version: "3.12.1" });
  });

  it.each([
    [
      "there is none",
      "/nowhere/python3",
      "there is no /nowhere/python3 here",
      /install Python 3\.9 or later/,
    ],
    [
      "it is too old",
      "echo 3.8.2",
      "is Python 3.8.2, and softmax-bench needs 3.9 or later",
      /name a later one/,
    ],
    ["it is something else", "echo hello", 'expected a version, got "hello', /SOFTMAX_BENCH_PYTHON=/],
  ])("is refused where %s", async (_, program, message, remedy) => {
    withPython(program.startsWith("/") ? program : script(program));
    await expect(findPython()).rejects.toMatchObject({
      name: "Unavailable",
      message: expect.stringContaining(message),
      remedy: expect.stringMatching(remedy),
    });
  });
});
