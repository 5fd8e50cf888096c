import { fileURLToPath } from "node:url";
import { refuseWithoutGraph } from "@softmax-bench/core";
import {
  type Exchange,
  ProcessConnection,
  ProcessHost,
  type ProcessHostOptions,
} from "@softmax-bench/host-node";
import type { Connection, Outcome, Request } from "@softmax-bench/measure";
import type { Python } from "./find-python.js";
import { withPrograms } from "./programs.js";
import { PYTHON_RUNTIMES, type PythonRuntime, type PythonRuntimes } from "./runtimes.js";

const WORKER = fileURLToPath(new URL("../python/worker.py", import.meta.url));

/** Variables that a worker starts with: nothing is written next to its program, and a crash in native code leaves a trace. */
const ENVIRONMENT = { PYTHONDONTWRITEBYTECODE: "1", PYTHONFAULTHANDLER: "1", PYTHONUNBUFFERED: "1" };

/** Workers in processes of Python. */
export class PythonHost extends ProcessHost {
  readonly #runtimes: PythonRuntimes;

  /** @param exchange without it workers can be started, but compute nothing */
  constructor({ executable }: Python, exchange?: Exchange, runtimes: PythonRuntimes = PYTHON_RUNTIMES) {
    super("python", { command: { words: [executable, WORKER], environment: ENVIRONMENT }, exchange });
    this.#runtimes = runtimes;
  }

  override connect(environment: Readonly<Record<string, string>>): Connection {
    return new PythonConnection(environment, this.options, this.#runtimes);
  }
}

/** Sends the graphs of tasks with their requests, since a worker of Python has no formulations of its own. */
class PythonConnection extends ProcessConnection {
  readonly #runtimes: PythonRuntimes;
  /** Of the backend that was opened. */
  #runtime: PythonRuntime | undefined;

  constructor(
    environment: Readonly<Record<string, string>>,
    options: ProcessHostOptions,
    runtimes: PythonRuntimes,
  ) {
    super(environment, options);
    this.#runtimes = runtimes;
  }

  override async request(message: Request, timeoutMs: number): Promise<Outcome> {
    if (message.type === "open") this.#runtime = this.#runtimes[message.backend];
    const refusal = "method" in message ? refuseWithoutGraph(message.method) : undefined;
    if (refusal && !refusal.ok)
      return { kind: "answered", reply: { type: "unsupported", reason: refusal.reason } };
    return super.request(this.#runtime ? withPrograms(message, this.#runtime) : message, timeoutMs);
  }
}
