import { Socket } from "node:net";
import { type Engine, type GradientTask, METHODS, Unavailable } from "@softmax-bench/core";
import { onLine, sendLine, WORKER_CHANNEL } from "../channel.js";
import { messageOf } from "../errors.js";
import { isNoRoom, WORKER_EXCHANGE, writeResults } from "../exchange.js";
import type { OpenRequest, Reply, Request, RunRequest, WorkRequest } from "../protocol.js";
import { BACKENDS } from "../registry.js";
import { remedyForThrown } from "../start-failure.js";
import { type Answer, compute } from "./compute.js";
import { InputReader } from "./input-reader.js";
import { MadeInputs, measureMemory, scale } from "./scale.js";
import { runSteps } from "./steps.js";
import { runTraining } from "./training.js";

/** A computing process: one backend, one request at a time. It ends with the parent that started it. */

const channel = new Socket({ fd: WORKER_CHANNEL, readable: true, writable: true });

let engine: Engine | undefined;
const source = new InputReader(WORKER_EXCHANGE);
const made = new MadeInputs();

const COLD_START_SHAPE = { dtype: "float32", rows: 128, classes: 10 } as const;

/** `manual/shifted`, so that cold starts can be compared, or the first method that the backend has. @throws Unavailable if there is none */
function coldStartTask(opened: Engine): GradientTask {
  const methods = ["manual/shifted" as const, ...METHODS.map(({ id }) => id)];
  const tasks = methods.map((method) => ({ ...COLD_START_SHAPE, method }));
  const task = tasks.find((one) => opened.supports(one).ok);
  if (task) return task;
  throw new Unavailable(
    `it has none of the methods ${METHODS.map(({ id }) => id).join(", ")}`,
    "choose another backend, or give its adapter a method",
  );
}

async function open({ backend: id, threads }: OpenRequest): Promise<Reply> {
  const backend = await BACKENDS[id]?.();
  if (!backend) return { type: "failed", reason: `there is no backend "${id}"` };
  const availability = await backend.probe();
  if (!availability.available) {
    return { type: "unavailable", reason: availability.reason, remedy: availability.remedy };
  }
  engine = await backend.open({ threads });
  await firstGradient(engine, coldStartTask(engine));
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

async function run(
  opened: Engine,
  { type: _, inputs, sets, sampling, ...task }: RunRequest,
): Promise<Answer> {
  return await compute(opened, task, source.open(task, inputs, sets), sampling);
}

async function work(request: WorkRequest): Promise<Reply> {
  if (!engine) return { type: "failed", reason: "the worker was asked out of turn" };
  const { reply, results } = await answerTo(engine, request);
  try {
    if (results) writeResults(WORKER_EXCHANGE, results);
  } catch (error) {
    if (!isNoRoom(error)) throw error;
    return { type: "no-room", reason: error.message };
  }
  return reply;
}

function answerTo(opened: Engine, request: WorkRequest): Promise<Answer> {
  switch (request.type) {
    case "run":
      return run(opened, request);
    case "steps":
      return runSteps(opened, request, WORKER_EXCHANGE);
    case "train":
      return runTraining(opened, request, WORKER_EXCHANGE);
    case "scale":
      return scale(opened, request, made);
    case "memory":
      return measureMemory(opened, request, made);
  }
}

async function answer(request: Request): Promise<Reply> {
  try {
    return request.type === "open" ? await open(request) : await work(request);
  } catch (error) {
    if (error instanceof Unavailable) {
      return { type: "unavailable", reason: error.message, remedy: error.remedy };
    }
    const reason = messageOf(error);
    return { type: "failed", reason, ...(request.type === "open" ? { remedy: remedyForThrown(error) } : {}) };
  }
}

onLine(channel, (line) => {
  void answer(JSON.parse(line) as Request).then((reply) => sendLine(channel, reply));
});
channel.on("close", () => process.exit());
