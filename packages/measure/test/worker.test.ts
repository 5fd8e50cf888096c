import { type Backend, type Engine, type Prepared, syncBackend, Unavailable } from "@softmax-bench/core";
import {
  MeasuringWorker,
  type Platform,
  PROTOCOL_VERSION,
  type Reply,
  reply,
  sha256,
  type Values,
  type WorkerArrays,
} from "@softmax-bench/measure";
import { describe, expect, it } from "vitest";

const plain = (dtypes: Backend["dtypes"] = ["float32"]): Backend =>
  syncBackend({ id: "mine", version: "1.0", dtypes, methods: { "manual/shifted": () => 1 } });

const PLATFORM: Platform = {
  now: () => performance.now() * 1e6,
  sinceStart: () => 0,
  backgroundNs: () => undefined,
  arrayBytes: () => undefined,
  residentBytes: () => undefined,
  peakResidentBytes: () => undefined,
  collectGarbage: undefined,
};

/** A worker of a backend, opened, and asked for a gradient of 2×3 logits. */
async function replies(backend: Backend, dtype: Backend["dtypes"][number] = "float32"): Promise<Reply[]> {
  const worker = new MeasuringWorker({
    loadBackend: async () => backend,
    platform: PLATFORM,
    arrays: { readInputs() {}, writeResults() {} },
    remedyFor: (error) => (error as { remedy?: string }).remedy ?? "none",
  });
  const opened = await worker.respond({
    type: "open",
    protocol: PROTOCOL_VERSION,
    backend: "mine",
    threads: 1,
  });
  const task = { method: "manual/shifted", dtype, rows: 2, classes: 3 } as const;
  return [opened, await worker.respond({ type: "run", ...task, inputs: "x", sets: 1 })];
}

const opening = async (backend: Backend): Promise<Reply | undefined> => (await replies(backend))[0];

const withRead = (read: Prepared["read"], dtypes?: Backend["dtypes"]): Backend => {
  const backend = plain(dtypes);
  return {
    ...backend,
    async open(options) {
      const engine = await backend.open(options);
      return Object.assign(Object.create(engine) as Engine, {
        info: engine.info,
        supports: engine.supports.bind(engine),
        async prepare(...task: Parameters<Engine["prepare"]>) {
          const prepared = await engine.prepare(...task);
          return Object.assign(Object.create(prepared) as Prepared, {
            gradient: () => prepared.gradient(),
            read,
            [Symbol.asyncDispose]: async () => {},
          });
        },
      });
    },
  };
};

describe("a backend that somebody else wrote", () => {
  it("may have float64 only", async () => {
    expect(await opening(plain(["float64"]))).toMatchObject({ type: "opened", dtypes: ["float64"] });
  });

  it("may bring its own copy of the class Unavailable", async () => {
    const foreign = Object.assign(new Error("no licence"), { name: "Unavailable", remedy: "buy one" });
    expect(foreign).not.toBeInstanceOf(Unavailable);
    const backend: Backend = { ...plain(), open: () => Promise.reject(foreign) };
    expect(await opening(backend)).toEqual({ type: "unavailable", reason: "no licence", remedy: "buy one" });
  });

  it.each([
    [{ probe: async () => undefined }, "probe: expected an availability, got nothing"],
    [{ open: async () => undefined }, "open: expected an engine with info, got nothing"],
    [{ open: async () => ({}) }, "open: expected an engine with info, got none"],
  ])("is told what it owes: %o", async (change, reason) => {
    const backend = { ...plain(), ...change } as unknown as Backend;
    const remedy = expect.stringContaining("Backend in @softmax-bench/core");
    expect(await opening(backend)).toEqual({ type: "failed", reason, remedy });
  });

  const loss = Float32Array.of(1);
  it.each([
    [undefined, "read: expected a loss that is a Float32Array of 1, got undefined"],
    [{ loss: 1, gradient: loss }, "read: expected a loss that is a Float32Array of 1, got number"],
    [
      { loss, gradient: new Float32Array(5) },
      "read: expected a gradient that is a Float32Array of 6, got Float32Array of 5",
    ],
    [
      { loss, gradient: new Float64Array(6) },
      "read: expected a gradient that is a Float32Array of 6, got Float64Array of 6",
    ],
    [
      { loss, gradient: [0, 0, 0, 0, 0, 0] },
      "read: expected a gradient that is a Float32Array of 6, got Array of 6",
    ],
  ])("fails a cell whose results are not the task's: %o", async (result, reason) => {
    const [opened, computed] = await replies(withRead(async () => result as never));
    expect(opened).toMatchObject({ type: "opened" });
    expect(computed).toEqual({ type: "failed", reason });
  });

  it.each(["float16", "bfloat16"] as const)(
    "fails a cell whose gradient has values that no %s has",
    async (dtype) => {
      const gradient = Float32Array.of(0, -0.5, Number.NaN, 0.1, 1, Number.POSITIVE_INFINITY);
      const backend = withRead(async () => ({ loss, gradient }), [dtype]);
      const [, computed] = await replies(backend, dtype);
      expect(computed).toEqual({
        type: "failed",
        reason: `read: expected a gradient of ${dtype} values, got 0.10000000149011612 at 3`,
      });
    },
  );
});

describe("the time of a shape", () => {
  it("comes with whether it had settled", async () => {
    const worker = new MeasuringWorker({
      loadBackend: async () => plain(),
      platform: PLATFORM,
      arrays: { readInputs() {}, writeResults() {} },
      remedyFor: () => "none",
    });
    await worker.respond({ type: "open", protocol: PROTOCOL_VERSION, backend: "mine", threads: 1 });
    const limits = {
      ...{ warmUpNs: 0, settleNs: 0, patienceNs: 0, windowNs: 0, mostWindowNs: 0, batchNs: 0 },
      ...{ minSamples: 1, fewestSamples: 1, maxSamples: 1 },
    };
    const task = { method: "manual/shifted", dtype: "float32", rows: 2, classes: 3 } as const;
    const scaled = await worker.respond({ type: "scale", ...task, limits });
    // A sample or two are too few to tell.
    expect(reply.parse(scaled)).toMatchObject({ type: "scaled", steadiness: "untested" });
  });
});

describe("a gradient whose digest is enough", () => {
  const respond = async (
    request: { readonly digestOnly?: boolean; readonly sets?: number },
    digest?: WorkerArrays["digest"],
  ) => {
    const written: Values[] = [];
    const worker = new MeasuringWorker({
      loadBackend: async () => plain(),
      platform: PLATFORM,
      arrays: { readInputs() {}, writeResults: (arrays) => void written.push(...arrays), digest },
      remedyFor: () => "none",
    });
    await worker.respond({ type: "open", protocol: PROTOCOL_VERSION, backend: "mine", threads: 1 });
    const task = { method: "manual/shifted", dtype: "float32", rows: 2, classes: 3 } as const;
    const computed = await worker.respond({ type: "run", ...task, inputs: "x", sets: 1, ...request });
    return { computed, written: written.map(({ length }) => length) };
  };

  it("is not passed on by a worker that computes digests", async () => {
    const { computed, written } = await respond({ digestOnly: true }, sha256);
    // SHA-256 of 24 zero bytes, by sha256sum.
    const zeros = "sha256:9d908ecfb6b256def8b49a7c504e6c889c4b0e41fe6ce3e01863dd7b61a20aa0";
    expect(computed).toMatchObject({ type: "computed", gradientDigests: [zeros] });
    expect(written).toEqual([]);
    const several = await respond({ digestOnly: true, sets: 3 }, sha256);
    expect(several.computed).toMatchObject({ gradientDigests: [zeros, zeros, zeros] });
    expect(several.written).toEqual([]);
  });

  it("is passed on by a worker that computes none, and wherever it is needed itself", async () => {
    for (const { computed, written } of [await respond({ digestOnly: true }), await respond({}, sha256)]) {
      expect(computed).not.toHaveProperty("gradientDigests");
      expect(written).toEqual([1, 6]);
    }
  });
});
