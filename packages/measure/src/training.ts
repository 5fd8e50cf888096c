import type { Engine, FloatArray } from "@softmax-bench/core";
import { type Answer, resourceUse } from "./answer.js";
import type { WorkerArrays } from "./arrays.js";
import type { Platform } from "./platform.js";
import type { TrainRequest } from "./protocol.js";
import { allocateStep, buildNetwork, stepArrays } from "./step-arrays.js";
import { prepareStep, whyUnsupported } from "./steps.js";

/** Trains a network. @returns the loss of each step, float64 */
export async function runTraining(
  engine: Engine,
  { network: spec, method, sets, steps, learningRate }: TrainRequest,
  arrays: WorkerArrays,
  platform: Platform,
): Promise<Answer> {
  const reason = whyUnsupported(engine, spec);
  if (reason) return { reply: { type: "unsupported", reason } };
  const start = platform.now();
  const net = buildNetwork(spec);
  const read = allocateStep(net, spec);
  await using step = await prepareStep(engine, net, spec, method);
  const compiled = platform.now();

  const losses = new Float64Array(steps);
  let weights: Readonly<Record<string, FloatArray>> | undefined;
  for (let index = 0; index < steps; index++) {
    await arrays.readInputs(index % sets, stepArrays(read));
    const { images, ...initial } = read.values;
    weights ??= Object.fromEntries(Object.entries(initial).map(([name, array]) => [name, array.slice()]));
    const { loss, gradients } = await step.run({
      values: { ...weights, images: images as FloatArray },
      labels: read.labels,
    });
    losses[index] = loss;
    for (const [name, gradient] of Object.entries(gradients))
      descend(weights[name] as FloatArray, gradient, learningRate);
  }
  return { results: [losses], reply: { type: "trained", ...resourceUse(platform, start, compiled) } };
}

/** One step downhill, in place, rounded to the weights' dtype. */
function descend(weights: FloatArray, gradient: FloatArray, learningRate: number): void {
  for (let at = 0; at < weights.length; at++) {
    weights[at] = (weights[at] as number) - learningRate * (gradient[at] as number);
  }
}
