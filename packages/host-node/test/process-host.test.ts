import { spawnSync } from "node:child_process";
import { CURRENT_RUNTIME, Exchange, javascriptWorker, ProcessHost } from "@softmax-bench/host-node";
import type { Connection, Sampling } from "@softmax-bench/measure";
import { PROTOCOL_VERSION } from "@softmax-bench/measure";
import { describe, expect, it, onTestFinished } from "vitest";

const BACKENDS = new URL("./support/backends.mjs", import.meta.url).href;
const TIMEOUT_MS = 120_000;
const LIMITS = {
  warmUpNs: 0,
  settleNs: 0,
  patienceNs: 0,
  windowNs: 1e6,
  minSamples: 1,
  mostWindowNs: 1e6,
  fewestSamples: 1,
  maxSamples: 3,
  batchNs: 0,
};
const TIMED: Sampling = {
  phases: "gradient",
  singleShotAboveNs: 1e9,
  singleShots: 1,
  limits: { gradient: LIMITS, other: LIMITS },
};
const TASK = { method: "manual/shifted", dtype: "float32", rows: 2, classes: 3 } as const;

function hostWithExchange(): ProcessHost {
  const exchange = new Exchange(() => {});
  onTestFinished(() => exchange[Symbol.dispose]());
  return new ProcessHost("node", { command: javascriptWorker(CURRENT_RUNTIME, BACKENDS), exchange });
}

function connectTo(host: ProcessHost): Connection {
  const connection = host.connect({});
  onTestFinished(() => connection.kill());
  return connection;
}

const open = (connection: Connection, backend: string, protocol = PROTOCOL_VERSION) =>
  connection.request({ type: "open", protocol, backend, threads: 1 }, TIMEOUT_MS);

const logits = (first: number) => Float32Array.from({ length: 6 }, (_, index) => first + index);
const inputsOf = (first: number) => ({
  id: `from ${first}`,
  make: () => [logits(first), Int32Array.of(0, 1)],
});

describe("a program that is no worker", () => {
  it("is ended when it is too late, with what it started", async () => {
    // The second process would keep the pipes open, and with them this one.
    const command = { words: ["sh", "-c", "sleep 54321 & wait"], environment: {} };
    const connection = connectTo(new ProcessHost("node", { command }));
    const request = { type: "open", protocol: PROTOCOL_VERSION, backend: "echo", threads: 1 } as const;
    expect(await connection.request(request, 500)).toMatchObject({ kind: "timeout" });
    const sleeping = () => spawnSync("pgrep", ["-f", "^sleep 54321"], { encoding: "utf8" }).stdout;
    await expect.poll(sleeping).toBe("");
  });
});

describe("a worker of Node", () => {
  it("is sent no number that JSON would turn into null", async () => {
    const connection = connectTo(hostWithExchange());
    const request = {
      type: "run",
      ...TASK,
      inputs: "",
      sets: 1,
      sampling: { ...TIMED, probeNs: Infinity },
    } as const;
    expect(() => connection.request(request, TIMEOUT_MS)).toThrow(
      "expected finite numbers in a request, got Infinity as probeNs",
    );
  });

  it("gets arrays and gives arrays back", async () => {
    const host = hostWithExchange();
    host.holdInputs(inputsOf(1));
    const connection = connectTo(host);
    expect(await open(connection, "echo")).toMatchObject({ kind: "answered", reply: { type: "opened" } });
    for (const first of [1, 7]) {
      const inputs = inputsOf(first);
      host.holdInputs(inputs);
      const request = { type: "run", ...TASK, inputs: inputs.id, sets: 1 } as const;
      expect(await connection.request(request, TIMEOUT_MS)).toMatchObject({ reply: { type: "computed" } });
      const [loss, gradient] = [new Float32Array(1), new Float32Array(6)];
      connection.readResults([loss, gradient]);
      expect([...loss, ...gradient]).toEqual([2, ...logits(first)]);
    }
  });

  it("makes inputs once, as long as they are held", () => {
    const host = hostWithExchange();
    let made = 0;
    const counted = (id: string) => ({ id, make: () => [Float32Array.of(made++)] });
    for (const id of ["a", "a", "b", "a"]) host.holdInputs(counted(id));
    expect(made).toBe(3);
  });

  it("has results of exactly the size that is asked for", async () => {
    const host = hostWithExchange();
    const connection = connectTo(host);
    await open(connection, "echo");
    const inputs = inputsOf(1);
    host.holdInputs(inputs);
    await connection.request({ type: "run", ...TASK, inputs: inputs.id, sets: 1 }, TIMEOUT_MS);
    expect(() => connection.readResults([new Float32Array(6)])).toThrow(
      "expected results of 24 bytes, the worker wrote 28",
    );
  });

  it("refuses a parent of another version", async () => {
    const outcome = await open(connectTo(hostWithExchange()), "echo", PROTOCOL_VERSION + 1);
    expect(outcome).toMatchObject({
      kind: "answered",
      reply: {
        type: "failed",
        reason: expect.stringMatching(/expected protocol \d+, got \d+: .* build both again/),
      },
    });
  });

  it("has no backend that its module does not have", async () => {
    const outcome = await open(connectTo(hostWithExchange()), "nope");
    expect(outcome).toMatchObject({ reply: { type: "failed", reason: 'there is no backend "nope"' } });
  });

  it("does not see inputs that were moved to another place after it started", () => {
    const host = hostWithExchange();
    const before = connectTo(host);
    expect(before.isCurrent).toBe(true);
    expect(host.makeRoom()).toBe(true);
    expect([before.isCurrent, connectTo(host).isCurrent]).toEqual([false, true]);
    expect(host.makeRoom()).toBe(false);
  });
});

describe("a worker that breaks", () => {
  async function runOn(backend: string, timeoutMs: number) {
    const host = hostWithExchange();
    const connection = connectTo(host);
    await open(connection, backend);
    const inputs = inputsOf(1);
    host.holdInputs(inputs);
    const request = { type: "run", ...TASK, inputs: inputs.id, sets: 1, sampling: TIMED } as const;
    return [await connection.request(request, timeoutMs), await connection.request(request, timeoutMs)];
  }

  it("is killed when its time has run out, and answers nothing more", async () => {
    const [first, second] = await runOn("hangs", 300);
    expect(first).toEqual({ kind: "timeout", reason: "no result after 0.3 s" });
    expect(second).toMatchObject({ kind: "crashed" });
  });

  it("leaves its last words", async () => {
    const [first] = await runOn("exits", TIMEOUT_MS);
    expect(first).toEqual({
      kind: "crashed",
      cause: "exited",
      reason: "the worker exited with code 7; it last printed: out of luck",
    });
  });
});
