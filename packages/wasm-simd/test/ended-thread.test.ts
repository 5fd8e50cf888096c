import { once } from "node:events";
import { syncBuiltinESMExports } from "node:module";
import { setImmediate } from "node:timers/promises";
import threads, { type Worker } from "node:worker_threads";
import { SoftmaxKernel } from "@softmax-bench/wasm-simd";
import { describe, expect, it } from "vitest";
import { compute, divide, type RowCopy } from "../dist/modules/compute.js";
import {
  compile,
  createMemory,
  DTYPE_CODES,
  instantiate,
  type KernelExports,
} from "../dist/modules/module.js";
import { Team } from "../dist/modules/team.js";

/** The worker of a kernel, which has no name for it. */
async function startedWith<Started>(start: () => Promise<Started>): Promise<[Started, Worker]> {
  const created = once(process, "worker");
  const started = await start();
  const [worker] = (await created) as [Worker];
  return [started, worker];
}

const ENDED = /^a thread of the kernel ended.*start another one$/;

/** Eight rows of some 10 ms each, one after the other. */
const division = { ...divide(8, 1 << 22, 2, true), slots: 4 };
const rowBytes = division.classes * 4;
const labels = 65536;
const losses = labels + 64;
const done = losses + 64;
const scratch = done + 64;

async function open(): Promise<{ kernel: KernelExports; team: Team; worker: Worker; window: Buffer }> {
  const module = await compile();
  const memory = createMemory(2000);
  const kernel = await instantiate(module, memory);
  const [team, worker] = await startedWith(() => Team.start(module, memory, 2));
  const { rows, classes, chunk, slots } = division;
  const logits = scratch + 2 * kernel.scratchSize(classes, false);
  kernel.describe(DTYPE_CODES.float32, rows, classes, labels, 0, 0, losses, 1, 0, false, 0, true, false);
  kernel.place(logits, slots, 0, rows, 0, rows);
  kernel.divide(chunk, slots, done, scratch, 0);
  return { kernel, team, worker, window: Buffer.from(memory.buffer, logits, slots * rowBytes) };
}

/** Long enough for a worker to get a core on a busy machine, in milliseconds. */
const PATIENCE_MS = 5000;

/** Rows that pass through; `whenAtWork` is called once, when the worker is at work on one, before the next is copied. */
function rowsFor(window: Buffer, kernel: KernelExports, whenAtWork: () => void): RowCopy {
  const host = Buffer.alloc(division.rows * rowBytes);
  let [isPublished, hasBeenAtWork] = [false, false];
  return {
    direction: "in",
    window,
    rowBytes,
    get host() {
      const end = performance.now() + PATIENCE_MS;
      while (isPublished && !hasBeenAtWork && performance.now() < end) {
        if (!kernel.isAtWork(1)) continue;
        hasBeenAtWork = true;
        whenAtWork();
      }
      isPublished = true;
      return host;
    },
  };
}

/** Terminates the worker in a call. Returns how the call and the next one ended, and whether the worker was computing at that moment. */
async function terminateAtWork(): Promise<{ call: () => void; nextCall: () => void; wasComputing: boolean }> {
  const { kernel, team, worker, window } = await open();
  let wasComputing = false;
  const rows = rowsFor(window, kernel, () => {
    void worker.terminate();
    wasComputing = Boolean(kernel.isAtWork(1));
  });
  const call = ended(() => compute(kernel, team, division, [rows]));
  const nextCall = ended(() => team.assertComplete());
  await team.stop(kernel);
  return { call, nextCall, wasComputing };
}

/** Calls a function, and returns one that throws what it threw. */
function ended(call: () => unknown): () => void {
  try {
    call();
    return () => {};
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

describe("a call in which a thread ends", () => {
  it("fails when the thread is terminated while it computes", async () => {
    let ended = await terminateAtWork();
    // On a busy machine the thread may be done with its row first, and the call is right.
    while (!ended.wasComputing) ended = await terminateAtWork();
    expect(ended.call).toThrow(ENDED);
    expect(ended.nextCall).toThrow(ENDED);
  });

  it("fails when the thread runs into an error, which the next call names", async () => {
    const { kernel, team, worker, window } = await open();
    // The calling thread's scratch is the last there is; the worker's would follow.
    const last = window.buffer.byteLength - kernel.scratchSize(division.classes, false);
    kernel.divide(division.chunk, division.slots, done, last, 0);
    const ended = new Promise((resolve) => worker.once("exit", resolve));
    expect(() => compute(kernel, team, division, [rowsFor(window, kernel, () => {})])).toThrow(ENDED);
    await ended;
    expect(() => team.assertComplete()).toThrow(
      /^a thread of the kernel ended \(memory access out of bounds\)/,
    );
    await team.stop(kernel);
  });
});

describe("a kernel of which a thread has ended", () => {
  it("refuses to go on, and can be disposed of", async () => {
    const [kernel, worker] = await startedWith(() => SoftmaxKernel.start({ threads: 2 }));
    const call = () => kernel.loss(Float32Array.of(1, 2), Int32Array.of(0));
    expect(call().loss).toBeGreaterThan(0);
    await worker.terminate();
    await setImmediate();
    expect(call).toThrow(ENDED);
    await kernel.dispose();
    expect(call).toThrow(/^this kernel was disposed/);
  });
});

describe("a kernel that does not get all its threads", () => {
  it("ends those that it has", async () => {
    const { Worker } = threads;
    const started: Worker[] = [];
    threads.Worker = class extends Worker {
      constructor(...args: ConstructorParameters<typeof Worker>) {
        if (started.length === 1) throw new Error("no more threads");
        super(...args);
        started.push(this);
      }
    };
    syncBuiltinESMExports();
    try {
      await expect(SoftmaxKernel.start({ threads: 3 })).rejects.toThrow(/^no more threads$/);
    } finally {
      threads.Worker = Worker;
      syncBuiltinESMExports();
    }
    // Node's for a thread that has ended.
    expect(started.map(({ threadId }) => threadId)).toEqual([-1]);
  });
});
