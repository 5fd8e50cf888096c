import { onnxruntimeCpu } from "@softmax-bench/adapter-onnxruntime-node";
import { generateInputs, type MethodId, WORKLOADS } from "@softmax-bench/core";
import { expect, it } from "vitest";

const ROUNDS = 8;
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;

it("rewrites leave the derived backward of log-softmax within 1.3 times of the one by hand", async () => {
  const workload = WORKLOADS.find(({ id }) => id === "seed-3200");
  if (!workload) throw new Error("no such workload");
  const { rows, classes } = workload;
  const inputs = generateInputs(workload, "float32", 0);
  await using engine = await onnxruntimeCpu.open({ threads: 2 });
  const prepare = (method: MethodId) => engine.prepare({ method, dtype: "float32", rows, classes }, inputs);
  await using automatic = await prepare("autograd/log-softmax");
  await using manual = await prepare("manual/log-softmax");
  const time = async (prepared: typeof manual) => {
    const start = performance.now();
    await prepared.gradient();
    return performance.now() - start;
  };
  const ratios: number[] = [];
  // The first round warms up. In the others, each goes first once.
  for (let round = 0; round <= ROUNDS; round++) {
    const ofManual = [await time(manual)];
    const ofAutomatic = [await time(automatic), await time(automatic)];
    ofManual.push(await time(manual));
    if (round > 0) ratios.push(sum(ofAutomatic) / sum(ofManual));
  }
  expect(median(ratios)).toBeLessThanOrEqual(1.3);
}, 60_000);
