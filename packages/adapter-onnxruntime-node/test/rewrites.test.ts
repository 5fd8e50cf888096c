import { onnxruntimeCpu } from "@softmax-bench/adapter-onnxruntime-node";
import { generateInputs, type MethodId, WORKLOADS } from "@softmax-bench/core";
import { expect, it } from "vitest";

const ROUNDS = 8;

it("rewrites leave the derived backward of log-softmax within 1.3 times of the one by hand", {
  tags: "nightly",
}, async () => {
  const workload = WORKLOADS.find(({ id }) => id === "seed-3200");
  if (!workload) throw new Error("no such workload");
  const { rows, classes } = workload;
  const inputs = generateInputs(workload, "float32", 0);
  await using engine = await onnxruntimeCpu.open({ threads: 1 });
  const prepare = (method: MethodId) => engine.prepare({ method, dtype: "float32", rows, classes }, inputs);
  await using automatic = await prepare("autograd/log-softmax");
  await using manual = await prepare("manual/log-softmax");
  const time = async (prepared: typeof manual) => {
    const start = performance.now();
    await prepared.gradient();
    return performance.now() - start;
  };
  const [ofManual, ofAutomatic]: [number[], number[]] = [[], []];
  // The first round warms up. In the others, each goes first once.
  for (let round = 0; round <= ROUNDS; round++) {
    const first = await time(manual);
    const both = [await time(automatic), await time(automatic)];
    if (round > 0) ofManual.push(first, await time(manual));
    if (round > 0) ofAutomatic.push(...both);
  }
  // What disturbs a call only adds to its time.
  expect(Math.min(...ofAutomatic) / Math.min(...ofManual)).toBeLessThanOrEqual(1.3);
});
