import { setTimeout as delay } from "node:timers/promises";
import type { Engine, FloatArray, GradientTask, Inputs } from "@softmax-bench/core";
import { type Answer, finished } from "./compute.js";
import { floatArray } from "./exchange.js";
import type { MemoryRequest, ScaleRequest } from "./protocol.js";
import { instrumentsWith, now, sample } from "./sample.js";
import { ThroughputMonitor } from "./throughput.js";

/**
 * Inputs that a worker makes itself, since what they are changes no time, and a file of 64 million takes longer to pass
 * on: logits in [-2, 2), each shape's the first ones of the same sequence.
 */
export class MadeInputs {
  #logits: FloatArray = new Float32Array();

  of({ dtype, rows, classes }: Pick<GradientTask, "dtype" | "rows" | "classes">): Inputs {
    const length = rows * classes;
    if (this.#logits.length < length || dtypeOf(this.#logits) !== dtype) {
      this.#logits = floatArray(dtype, 0);
      this.#logits = filled(floatArray(dtype, length));
    }
    return {
      logits: this.#logits.subarray(0, length),
      labels: Int32Array.from({ length: rows }, (_, row) => row % classes),
    };
  }
}

const dtypeOf = (array: FloatArray) => (array instanceof Float32Array ? "float32" : "float64");

/** Numerical Recipes' quick generator: uniform enough. */
function filled(array: FloatArray): FloatArray {
  let state = 1;
  for (let index = 0; index < array.length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    array[index] = state / 2 ** 30 - 2;
  }
  return array;
}

/** Times the gradient of one shape. */
export async function scale(
  engine: Engine,
  { type: _, limits, ...task }: ScaleRequest,
  made: MadeInputs,
): Promise<Answer> {
  const support = engine.supports(task);
  if (!support.ok) return { reply: { type: "unsupported", reason: support.reason } };
  const inputs = made.of(task);
  const start = now();
  await using prepared = await engine.prepare(task, inputs);
  const compiled = now();
  const { samples, settlingNs } = await sample(
    () => prepared.gradient(),
    limits,
    instrumentsWith(new ThroughputMonitor()),
  );
  return {
    reply: {
      type: "scaled",
      ...(support.note ? { note: support.note } : {}),
      gradientNs: [...samples],
      ...finished(start, compiled, settlingNs),
    },
  };
}

/** How often the largest gradient is computed again, to see whether what is left of one grows. */
const REPEATS = 3;

/** V8 gives back the memory of arrays that are gone in the background. In milliseconds. */
const SETTLING = 20;

async function residentBytes(): Promise<number> {
  for (let time = 0; time < 2; time++) {
    globalThis.gc?.();
    await delay(SETTLING);
  }
  return process.memoryUsage.rss();
}

/** What gradients of growing size hold in memory, and what is left when they are disposed of. */
export async function measureMemory(
  engine: Engine,
  { method, dtype, classes, rows }: MemoryRequest,
  made: MadeInputs,
): Promise<Answer> {
  const tasks = rows.map((n) => ({ method, dtype, rows: n, classes }));
  const largest = tasks.at(-1);
  if (!largest) throw new RangeError("no sizes");
  const support = engine.supports(largest);
  if (!support.ok) return { reply: { type: "unsupported", reason: support.reason } };
  made.of(largest);
  const start = now();
  const hold = async (task: GradientTask) => {
    await using prepared = await engine.prepare(task, made.of(task));
    await prepared.gradient();
    // Held until the size is taken: what the runtime hands out is its memory, or a copy of it.
    const result = await prepared.read();
    const bytes = await residentBytes();
    return result.gradient.length > 0 ? bytes : Number.NaN;
  };
  const beforeBytes = await residentBytes();
  const points: { elements: number; heldBytes: number; afterBytes: number }[] = [];
  for (const task of tasks) {
    const heldBytes = await hold(task);
    points.push({ elements: task.rows * classes, heldBytes, afterBytes: await residentBytes() });
  }
  for (let repeat = 0; repeat < REPEATS; repeat++) await hold(largest);
  const memory = { beforeBytes, points, repeatedBytes: await residentBytes() };
  return { reply: { type: "held", memory, ...finished(start, start) } };
}
