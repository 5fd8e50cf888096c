import {
  type Availability,
  type Backend,
  ContractError,
  DTYPE_IDS,
  type Engine,
  floatArrayFrom,
  type GradientTask,
  isUnavailable,
  type MethodId,
  messageOf,
  methodIdsOf,
  Unavailable,
} from "@softmax-bench/core";
import type { Answer } from "./answer.js";
import { NoRoomError, type WorkerArrays } from "./arrays.js";
import { compute } from "./compute.js";
import { executeCounted } from "./count.js";
import { InputReader } from "./input-reader.js";
import type { Platform } from "./platform.js";
import type { OpenRequest, Reply, Request, WorkRequest } from "./protocol.js";
import { PROTOCOL_VERSION } from "./protocol-version.js";
import type { ProcessHistory } from "./sample.js";
import { measureMemory, SyntheticInputs, scale } from "./scale.js";
import { runSteps } from "./steps.js";
import { runTraining } from "./training.js";

export interface WorkerOptions {
  /** Loads a backend by id; undefined for an unknown id. */
  readonly loadBackend: (id: string) => Promise<Backend | undefined>;
  readonly platform: Platform;
  readonly arrays: WorkerArrays;
  /** Returns the remedy for an error that keeps a backend from starting. */
  readonly remedyFor: (error: unknown) => string;
}

/** Serves one backend: it is opened by the first request; each further request is one task. Never throws. */
export class MeasuringWorker {
  readonly #options: WorkerOptions;
  readonly #reader: InputReader;
  readonly #synthetic = new SyntheticInputs();
  readonly #history: ProcessHistory = { sampledNs: 0 };
  #engine: Engine | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#reader = new InputReader(options.arrays);
  }

  async respond(request: Request): Promise<Reply> {
    try {
      return request.type === "open" ? await this.#open(request) : await this.#work(request);
    } catch (error) {
      if (isUnavailable(error)) {
        return { type: "unavailable", reason: error.message, remedy: error.remedy };
      }
      if (error instanceof NoRoomError) return { type: "no-room", reason: error.message };
      const reason = messageOf(error);
      if (request.type !== "open") return { type: "failed", reason };
      return { type: "failed", reason, remedy: this.#options.remedyFor(error) };
    }
  }

  async #open({ protocol, backend: id, threads }: OpenRequest): Promise<Reply> {
    if (protocol !== PROTOCOL_VERSION) {
      const reason = `expected protocol ${PROTOCOL_VERSION}, got ${protocol}: the two ends are of different versions of softmax-bench; build both again`;
      return { type: "failed", reason };
    }
    const backend = await this.#options.loadBackend(id);
    if (!backend) return { type: "failed", reason: `there is no backend "${id}"` };
    const availability: Availability | undefined = await backend.probe();
    if (!availability) throw new ContractError("probe: expected an availability, got nothing");
    if (!availability.available) {
      return { type: "unavailable", reason: availability.reason, remedy: availability.remedy };
    }
    const engine: Engine | undefined = await backend.open({ threads });
    if (!engine?.info)
      throw new ContractError(`open: expected an engine with info, got ${engine ? "none" : "nothing"}`);
    await computeFirstGradient(engine, methodIdsOf(backend));
    this.#engine = engine;
    const { engine: runtime, device, threads: used, dtypes, settings } = engine.info;
    return {
      type: "opened",
      protocol: PROTOCOL_VERSION,
      engine: runtime,
      device,
      threads: used,
      dtypes: [...dtypes],
      ...(settings ? { settings } : {}),
      coldStartNs: this.#options.platform.sinceStart(),
    };
  }

  async #work(request: WorkRequest): Promise<Reply> {
    if (!this.#engine)
      return { type: "failed", reason: `expected a request to open a backend, got "${request.type}"` };
    const { arrays } = this.#options;
    const { reply, results } = await this.#answer(this.#engine, request);
    if (!results) return reply;
    if (reply.type === "computed" && request.type === "run" && request.digestOnly && arrays.digest) {
      const gradientDigests: string[] = [];
      // Of each set, the loss and the gradient.
      for (const gradient of results.filter((_, index) => index % 2 === 1)) {
        gradientDigests.push(await arrays.digest(gradient));
      }
      return { ...reply, gradientDigests };
    }
    await arrays.writeResults(results);
    return reply;
  }

  async #answer(engine: Engine, request: WorkRequest): Promise<Answer> {
    const { platform, arrays } = this.#options;
    switch (request.type) {
      case "run": {
        const { type: _, inputs, sets, sampling, ...task } = request;
        const opened = await this.#reader.open(task, inputs, sets);
        return compute(engine, task, opened, sampling, platform, this.#history);
      }
      case "steps":
        return runSteps(engine, request, arrays, platform);
      case "train":
        return runTraining(engine, request, arrays, platform);
      case "scale":
        return scale(engine, request, this.#synthetic, platform, this.#history);
      case "count":
        return executeCounted(engine, request, this.#synthetic, platform);
      case "memory":
        return measureMemory(engine, request, this.#synthetic, platform);
    }
  }
}

const COLD_START_SHAPE = { rows: 128, classes: 10 } as const;

/**
 * `manual/shifted` in float32, so that cold starts can be compared, or the first method and dtype that the backend has.
 *
 * @throws Unavailable if there is none
 */
function coldStartTask(engine: Engine, methods: readonly MethodId[]): GradientTask {
  const tasks = ["manual/shifted" as const, ...methods].flatMap((method) =>
    DTYPE_IDS.map((dtype) => ({ ...COLD_START_SHAPE, method, dtype })),
  );
  const task = tasks.find((one) => engine.supports(one).ok);
  if (task) return task;
  throw new Unavailable(
    `it has none of the methods ${methods.join(", ")}`,
    "choose another backend, or give its adapter a method",
  );
}

async function computeFirstGradient(engine: Engine, methods: readonly MethodId[]): Promise<void> {
  const task = coldStartTask(engine, methods);
  const { dtype, rows, classes } = task;
  const ramp = floatArrayFrom(
    dtype,
    Array.from({ length: rows * classes }, (_, index) => (index % 7) / 7),
  );
  const labels = Int32Array.from({ length: rows }, (_, row) => row % classes);
  await using prepared = await engine.prepare(task, { logits: ramp, labels });
  await prepared.gradient();
}
