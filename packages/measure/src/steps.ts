import {
  type Engine,
  type FloatArray,
  floatArray,
  type MethodId,
  type PreparedStep,
} from "@softmax-bench/core";
import type { Network } from "@softmax-bench/networks/graphs";
import { type Answer, resourceUse } from "./answer.js";
import type { WorkerArrays } from "./arrays.js";
import type { Platform } from "./platform.js";
import type { NetworkSpec, StepsRequest } from "./protocol.js";
import { allocateStep, buildNetwork, concatParameters, stepArrays } from "./step-arrays.js";

/**
 * Runs each method on each set of inputs, in alternating order; the first set once beforehand, untimed.
 *
 * @returns for each set, for each method: the loss, and all gradients as one array
 */
export async function runSteps(
  engine: Engine,
  { network: spec, methods, sets }: StepsRequest,
  arrays: WorkerArrays,
  platform: Platform,
): Promise<Answer> {
  const reason = whyUnsupported(engine, spec);
  if (reason) return { reply: { type: "unsupported", reason } };
  const start = platform.now();
  const net = buildNetwork(spec);
  const inputs = allocateStep(net, spec);
  await arrays.readInputs(0, stepArrays(inputs));
  const steps: PreparedStep[] = [];
  try {
    for (const method of methods) steps.push(await prepareStep(engine, net, spec, method));
    for (const step of steps) await step.run(inputs);
    const compiled = platform.now();

    const samples = methods.map((): number[] => []);
    const results: FloatArray[] = [];
    for (let set = 0; set < sets; set++) {
      await arrays.readInputs(set, stepArrays(inputs));
      const order = [...steps.entries()];
      for (const [index, step] of set % 2 === 0 ? order : order.toReversed()) {
        const begun = platform.now();
        const { loss, gradients } = await step.run(inputs);
        samples[index]?.push(platform.now() - begun);
        const at = 2 * (set * methods.length + index);
        results[at] = floatArray(spec.dtype, 1).fill(loss);
        results[at + 1] = concatParameters(net, gradients, spec);
      }
    }
    return { results, reply: { type: "stepped", samples, ...resourceUse(platform, start, compiled) } };
  } finally {
    for (const step of steps) await step[Symbol.asyncDispose]();
  }
}

/** @throws Error if the engine cannot compile it. */
export async function prepareStep(
  engine: Engine,
  net: Network,
  { dtype }: NetworkSpec,
  method: MethodId,
): Promise<PreparedStep> {
  const task = { method, dtype, network: net, parameters: [...net.parameters.keys()] };
  const step = await engine.prepareStep?.(task);
  if (!step) throw new Error(`${engine.info.engine.name} prepares no steps`);
  return step;
}

/** The reason why an engine cannot run steps of a network; undefined if it can. */
export function whyUnsupported(
  { prepareStep: prepares, info }: Engine,
  { dtype }: NetworkSpec,
): string | undefined {
  const { name } = info.engine;
  if (!prepares) return `networks are not run on ${name} yet`;
  return info.dtypes.includes(dtype) ? undefined : `${name} has no ${dtype} here`;
}
