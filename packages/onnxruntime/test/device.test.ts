import type { GradientTask } from "@softmax-bench/core";
import { forWebgpu, OnnxEngine, type Provider } from "@softmax-bench/onnxruntime";
import * as common from "onnxruntime-common";
import { beforeEach, describe, expect, it } from "vitest";

/** A runtime that computes nothing and counts what it has given out and not got back. */
const live = { sessions: 0, deviceTensors: 0, runs: 0 };

class CountingSession {
  readonly #outputs: Readonly<Record<string, string>>;

  constructor(outputs: Readonly<Record<string, string>>) {
    this.#outputs = outputs;
    live.sessions++;
  }

  static async create(_: Uint8Array, { preferredOutputLocation }: common.InferenceSession.SessionOptions) {
    return new CountingSession(preferredOutputLocation as Readonly<Record<string, string>>);
  }

  async run() {
    live.runs++;
    return Object.fromEntries(
      Object.entries(this.#outputs).map(([name, place]) => [
        name,
        place === "cpu" ? hostTensor() : deviceTensor(),
      ]),
    );
  }

  async release() {
    live.sessions--;
  }
}

const hostTensor = () => new common.Tensor("float32", new Float32Array(6), [2, 3]);

function deviceTensor() {
  live.deviceTensors++;
  return common.Tensor.fromGpuBuffer({} as never, {
    dataType: "float32",
    dims: [2, 3],
    dispose: () => live.deviceTensors--,
  });
}

const provider: Provider = {
  runtime: { InferenceSession: CountingSession as never, Tensor: common.Tensor },
  info: {
    engine: { name: "counting", version: "1.0", code: "javascript" },
    device: { kind: "gpu", name: "none" },
    threads: 1,
    dtypes: ["float32"],
  },
  session: {},
  legalize: forWebgpu,
  keeps: "tensors",
};
const task: GradientTask = { method: "manual/shifted", dtype: "float32", rows: 2, classes: 3 };
const inputs = { logits: new Float32Array(6), labels: new Int32Array(2) };

describe("a task on a device that keeps tensors", () => {
  beforeEach(() => Object.assign(live, { sessions: 0, deviceTensors: 0, runs: 0 }));

  it("holds the inputs and one gradient there, however often it computes", async () => {
    const prepared = await new OnnxEngine(provider).prepare(task, inputs);
    for (let time = 0; time < 3; time++) {
      await prepared.upload();
      await prepared.gradient();
      await prepared.read();
    }
    expect(live.deviceTensors).toBe(3);
    await prepared[Symbol.asyncDispose]();
    expect(live).toMatchObject({ sessions: 0, deviceTensors: 0 });
  });

  it("computes the gradient in read() only if nobody has", async () => {
    const prepared = await new OnnxEngine(provider).prepare(task, inputs);
    live.runs = 0;
    await prepared.read();
    expect(live.runs).toBe(2);
    await prepared.read();
    expect(live.runs).toBe(3);
    await prepared[Symbol.asyncDispose]();
  });

  it("has one session less where it is prepared without forward, which is then refused", async () => {
    const whole = await new OnnxEngine(provider).prepare(task, inputs);
    const sessions = live.sessions;
    await whole[Symbol.asyncDispose]();
    const prepared = await new OnnxEngine(provider).prepare(task, inputs, { forward: false });
    expect(live.sessions).toBe(sessions - 1);
    await prepared.read();
    await expect(prepared.forward()).rejects.toThrow(/expected a task that was prepared for forward/);
    await prepared[Symbol.asyncDispose]();
    expect(live).toMatchObject({ sessions: 0, deviceTensors: 0 });
  });
});
