import {
  type Availability,
  type Backend,
  DTYPE_IDS,
  type Engine,
  type EngineInfo,
  floatArray,
  type GradientResult,
  type GradientTask,
  type Inputs,
  messageOf,
  type Prepared,
  refuseWithoutGraph,
  requireInputs,
  type Support,
  Unavailable,
} from "@softmax-bench/core";
import { Exchange } from "@softmax-bench/host-node";
import {
  type Connection,
  inputArrays,
  lossLength,
  PROTOCOL_VERSION,
  type Reply,
  type Request,
} from "@softmax-bench/measure";
import { findPython } from "./find-python.js";
import { PythonHost } from "./python-host.js";

/** Longer than a runtime takes to start, or a task to compute, in milliseconds. */
const TIMEOUT_MS = 120_000;

export const pytorch = reference("pytorch");
export const jax = reference("jax");

/** A runtime outside JavaScript. A run measures it in its own process; opened from here, each gradient is a request to one. */
function reference(id: string): Backend {
  const open = async (threads: number) => {
    const exchange = new Exchange(() => {});
    const host = new PythonHost(await findPython(), exchange);
    const worker = new Worker(host, host.connect({}), exchange);
    try {
      const request = { type: "open", protocol: PROTOCOL_VERSION, backend: id, threads } as const;
      const { engine, device, threads: used, dtypes } = await worker.request(request, "opened");
      return new PythonEngine(
        { engine: { ...engine, code: "native" }, device, threads: used, dtypes },
        worker,
      );
    } catch (error) {
      worker.end();
      throw error;
    }
  };
  return {
    id,
    dtypes: DTYPE_IDS,
    hosts: ["python"],
    async probe(): Promise<Availability> {
      try {
        await using _ = await open(1);
        return { available: true };
      } catch (error) {
        const remedy = error instanceof Unavailable ? error.remedy : "repair what fails";
        return { available: false, reason: messageOf(error), remedy };
      }
    },
    open: ({ threads }) => open(threads),
  };
}

/** A worker that answers, or throws. */
class Worker {
  readonly #host: PythonHost;
  readonly #connection: Connection;
  readonly #exchange: Exchange;
  #inputs = 0;

  constructor(host: PythonHost, connection: Connection, exchange: Exchange) {
    this.#host = host;
    this.#connection = connection;
    this.#exchange = exchange;
  }

  async request<Type extends Reply["type"]>(message: Request, expected: Type) {
    const outcome = await this.#connection.request(message, TIMEOUT_MS);
    if (outcome.kind !== "answered") throw new Error(outcome.reason);
    const { reply } = outcome;
    if (reply.type === "unavailable") throw new Unavailable(reply.reason, reply.remedy);
    if (reply.type === expected) return reply as Extract<Reply, { type: Type }>;
    throw new Error("reason" in reply ? reply.reason : `the worker answered ${reply.type}`);
  }

  async compute(task: GradientTask, inputs: Inputs): Promise<GradientResult> {
    const id = String(this.#inputs++);
    this.#host.holdInputs({ id, make: () => inputArrays(inputs) });
    await this.request({ type: "run", ...task, inputs: id, sets: 1 }, "computed");
    const loss = floatArray(task.dtype, lossLength(task));
    const gradient = floatArray(task.dtype, task.rows * task.classes);
    this.#connection.readResults([loss, gradient]);
    return { loss, gradient };
  }

  end(): void {
    this.#connection.kill();
    this.#exchange[Symbol.dispose]();
  }
}

class PythonEngine implements Engine {
  readonly info: EngineInfo;
  readonly #worker: Worker;

  constructor(info: EngineInfo, worker: Worker) {
    this.info = info;
    this.#worker = worker;
  }

  supports({ method, dtype }: GradientTask): Support {
    const refusal = refuseWithoutGraph(method);
    if (refusal) return refusal;
    if (this.info.dtypes.includes(dtype)) return { ok: true };
    return { ok: false, reason: `${this.info.engine.name} ${this.info.engine.version} has no ${dtype} here` };
  }

  async prepare(task: GradientTask, inputs: Inputs): Promise<Prepared> {
    const support = this.supports(task);
    if (!support.ok) throw new Error(support.reason);
    requireInputs(task, inputs);
    const worker = this.#worker;
    const computed = () => worker.compute(task, inputs);
    let result: Promise<GradientResult> | undefined;
    const compute = async () => {
      result ??= computed();
      await result;
    };
    return {
      readback: "copies",
      async upload() {
        result = undefined;
      },
      forward: compute,
      gradient: compute,
      async read() {
        result ??= computed();
        return result;
      },
      async [Symbol.asyncDispose]() {},
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#worker.end();
  }
}
