import {
  DTYPES,
  type Engine,
  type FloatArray,
  floatArray,
  type GradientTask,
  type Inputs,
} from "@softmax-bench/core";
import { type Answer, resourceUse } from "./answer.js";
import { CoreMonitor } from "./core-monitor.js";
import type { Platform } from "./platform.js";
import type { MemoryRequest, ScaleRequest } from "./protocol.js";
import { createInstruments, type ProcessHistory, sample } from "./sample.js";

/**
 * Inputs that a worker makes itself, since their values do not affect the time, and transferring a file of 64 million
 * takes longer. Logits are in [-2, 2); each shape takes the first ones of the same sequence.
 */
export class SyntheticInputs {
  #logits: FloatArray = new Float32Array();
  #dtype: GradientTask["dtype"] = "float32";

  of({ dtype, rows, classes }: Pick<GradientTask, "dtype" | "rows" | "classes">): Inputs {
    const length = rows * classes;
    if (this.#logits.length < length || this.#dtype !== dtype) {
      this.#logits = floatArray(dtype, 0);
      this.#logits = filled(floatArray(dtype, length), DTYPES[dtype].round);
      this.#dtype = dtype;
    }
    return {
      logits: this.#logits.subarray(0, length),
      labels: Int32Array.from({ length: rows }, (_, row) => row % classes),
    };
  }
}

/** Fills an array by Numerical Recipes' quick generator, which is uniform enough. */
function filled(array: FloatArray, round: (value: number) => number): FloatArray {
  let state = 1;
  for (let index = 0; index < array.length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    array[index] = round(state / 2 ** 30 - 2);
  }
  return array;
}

/** Times the gradient of one shape. */
export async function scale(
  engine: Engine,
  { type: _, limits, ...task }: ScaleRequest,
  synthetic: SyntheticInputs,
  platform: Platform,
  history: ProcessHistory,
): Promise<Answer> {
  const support = engine.supports(task);
  if (!support.ok) return { reply: { type: "unsupported", reason: support.reason } };
  const inputs = synthetic.of(task);
  const start = platform.now();
  await using prepared = await engine.prepare(task, inputs);
  const compiled = platform.now();
  const { samples, steadiness, settlingNs } = await sample(
    () => prepared.gradient(),
    limits,
    createInstruments(platform, new CoreMonitor(platform, engine.info.threads), history),
  );
  return {
    reply: {
      type: "scaled",
      ...(support.note ? { note: support.note } : {}),
      gradientNs: [...samples],
      steadiness,
      ...resourceUse(platform, start, compiled, settlingNs),
    },
  };
}

/** Number of repeated computations of the largest gradient, to see whether the memory left of one grows. */
const REPEATS = 3;

/** Time in which V8 returns the memory of unused arrays in the background, in milliseconds. */
const SETTLING_MS = 20;

async function settledBytes({ collectGarbage, residentBytes }: Platform): Promise<number> {
  for (let time = 0; time < 2; time++) {
    collectGarbage?.();
    await new Promise((resolve) => setTimeout(resolve, SETTLING_MS));
  }
  const bytes = residentBytes();
  if (bytes === undefined) throw new Error("the memory of a process cannot be seen here");
  return bytes;
}

/** Measures the memory that gradients of growing size hold, and the part that remains after their disposal. */
export async function measureMemory(
  engine: Engine,
  { method, dtype, classes, rows }: MemoryRequest,
  synthetic: SyntheticInputs,
  platform: Platform,
): Promise<Answer> {
  const tasks = rows.map((n) => ({ method, dtype, rows: n, classes }));
  const largest = tasks.at(-1);
  if (!largest) throw new RangeError("no sizes");
  const support = engine.supports(largest);
  if (!support.ok) return { reply: { type: "unsupported", reason: support.reason } };
  synthetic.of(largest);
  const start = platform.now();
  const hold = async (task: GradientTask) => {
    await using prepared = await engine.prepare(task, synthetic.of(task));
    await prepared.gradient();
    // Held until the size is measured: the returned array is the runtime's memory, or a copy of it.
    const result = await prepared.read();
    const bytes = await settledBytes(platform);
    return result.gradient.length > 0 ? bytes : Number.NaN;
  };
  const beforeBytes = await settledBytes(platform);
  const points: { elements: number; heldBytes: number; afterBytes: number }[] = [];
  for (const task of tasks) {
    const heldBytes = await hold(task);
    points.push({ elements: task.rows * classes, heldBytes, afterBytes: await settledBytes(platform) });
  }
  for (let repeat = 0; repeat < REPEATS; repeat++) await hold(largest);
  const memory = { beforeBytes, points, repeatedBytes: await settledBytes(platform) };
  return { reply: { type: "held", memory, ...resourceUse(platform, start, start) } };
}
