import { type Engine, findWorkload, type GradientTask, Unavailable } from "@softmax-bench/core";
import { WORKER_DESCRIPTOR, writeGradient } from "../gradient-file.js";
import { InputSource } from "../inputs.js";
import { PROFILES, type Profile } from "../profiles.js";
import type { MeasureRequest, OpenRequest, Reply, Request } from "../protocol.js";
import { BACKENDS } from "../registry.js";
import { measureCell } from "./measure.js";

/** A measuring process: one backend, one request at a time. It ends with the parent that started it. */

let engine: Engine | undefined;
let inputs = new InputSource(0);

const COLD_START_TASK = { method: "manual/shifted", dtype: "float32", rows: 128, classes: 10 } as const;

async function open({ backend: id, threads, seed }: OpenRequest): Promise<Reply> {
  inputs = new InputSource(seed);
  const backend = await BACKENDS[id]?.();
  if (!backend) return { type: "failed", reason: `there is no backend "${id}"` };
  const availability = await backend.probe();
  if (!availability.available) {
    return { type: "unavailable", reason: availability.reason, remedy: availability.remedy };
  }
  engine = await backend.open({ threads });
  await firstGradient(engine, COLD_START_TASK);
  const { engine: runtime, device, threads: used, dtypes, settings } = engine.info;
  // performance.now() counts from the start of this process.
  return {
    type: "opened",
    engine: runtime,
    device,
    threads: used,
    dtypes: [...dtypes],
    ...(settings ? { settings } : {}),
    coldStartNs: performance.now() * 1e6,
  };
}

async function firstGradient(opened: Engine, task: GradientTask): Promise<void> {
  const { rows, classes } = task;
  const ramp = Float32Array.from({ length: rows * classes }, (_, index) => (index % 7) / 7);
  const labels = Int32Array.from({ length: rows }, (_, row) => row % classes);
  await using prepared = await opened.prepare(task, { logits: ramp, labels });
  await prepared.gradient();
}

async function measure(request: MeasureRequest): Promise<Reply> {
  const workload = findWorkload(request.workload);
  const profile: Profile | undefined = PROFILES[request.profile as Profile["id"]];
  if (!engine || !workload || !profile) return { type: "failed", reason: "the worker was asked out of turn" };
  const { reply, result } = await measureCell(
    engine,
    request,
    workload,
    inputs.of(workload, request.dtype),
    profile,
  );
  if (result) writeGradient(WORKER_DESCRIPTOR, result.gradient);
  return reply;
}

async function answer(request: Request): Promise<Reply> {
  try {
    return request.type === "open" ? await open(request) : await measure(request);
  } catch (error) {
    if (error instanceof Unavailable) {
      return { type: "unavailable", reason: error.message, remedy: error.remedy };
    }
    return { type: "failed", reason: error instanceof Error ? error.message : String(error) };
  }
}

process.on("message", (request: Request) => {
  void answer(request).then((reply) => process.send?.(reply));
});
// Ctrl-C reaches the whole process group; the parent decides what happens to a worker.
process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit());
