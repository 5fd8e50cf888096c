import { type ChildProcess, spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Backend } from "@softmax-bench/core";
import {
  type Connection,
  Conversation,
  type Crash,
  type Outcome,
  type Request,
  type Values,
} from "@softmax-bench/measure";
import { endsWithParent } from "@softmax-bench/provision";
import type { ArrayFiles } from "./array-files.js";
import { onLine, WORKER_CHANNEL } from "./channel.js";
import { RUNTIMES, type Runtime } from "./runtimes.js";
import type { Exchange } from "./shared-memory.js";

const WORKER = fileURLToPath(new URL("./worker.js", import.meta.url));

/**
 * Characters of a worker's last output, for the cell that it died in: those that are kept, and those that are shown.
 */
const KEPT_OUTPUT = 16_384;
const SHOWN_OUTPUT = 600;

/** Time that a worker that closed its channel may take to end, in milliseconds. */
const CLOSING_MS = 1000;

/** The module that workers load backends from. */
export interface BackendsModule {
  /** Loads a backend by id; undefined for an unknown id. */
  loadBackend(id: string): Promise<Backend | undefined>;
}

/** The command that starts a worker. */
export interface WorkerCommand {
  readonly words: readonly string[];
  /** Variables, besides ours. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Additions to the command of a worker. */
export interface LaunchOptions {
  /** The words before the runtime's, such as a simulator and its options. */
  readonly launcher?: readonly string[];
  readonly flags?: readonly string[];
}

/** The command of a worker in a JavaScript runtime. @param backends URL of a `BackendsModule` */
export function javascriptWorker(
  { kind, executable }: Runtime,
  backends: string,
  { launcher = [], flags = [] }: LaunchOptions = {},
): WorkerCommand {
  const { flags: usual, environment } = RUNTIMES[kind];
  return { words: [...launcher, executable, ...usual, ...flags, WORKER, backends], environment };
}

export interface ProcessHostOptions {
  readonly command: WorkerCommand;
  /** Without it workers can be started, but compute nothing. */
  readonly exchange?: Exchange | undefined;
}

/** The parent's end of one worker process. */
export class ProcessConnection implements Connection {
  readonly #exchange: Exchange | undefined;
  /** The files that the worker inherited. */
  readonly #inherited: ArrayFiles | undefined;
  readonly #child: ChildProcess;
  readonly #channel: Duplex;
  #output = "";
  readonly #conversation = new Conversation({
    name: "worker",
    kill: () => this.kill(),
    said: () => this.#said(),
  });

  /** @param environment variables that it starts with, besides ours and the command's */
  constructor(environment: Readonly<Record<string, string>>, { command, exchange }: ProcessHostOptions) {
    this.#exchange = exchange;
    this.#inherited = exchange?.files;
    // Else a worker ends when it next looks at its channel.
    const [file = "", ...args] = endsWithParent(command.words);
    this.#child = spawn(file, args, {
      // A group of its own: Ctrl-C, or a SIGTERM to the whole job, reaches the parent, which decides about the worker.
      detached: true,
      env: { ...process.env, ...command.environment, ...environment },
      stdio: [
        "ignore",
        "pipe",
        "pipe",
        "pipe",
        this.#inherited?.inputs ?? "ignore",
        this.#inherited?.results ?? "ignore",
      ],
    });
    const channel = this.#child.stdio[WORKER_CHANNEL];
    if (!(channel instanceof Duplex)) throw new Error("expected a channel to the worker, got none");
    this.#channel = channel;
    onLine(channel, (line) => this.#conversation.hear(line));
    // Writers learn of a dead worker from `close`.
    channel.on("error", () => {});
    channel.on("end", () => {
      setTimeout(
        () => this.#conversation.lose("protocol", "the worker closed its channel"),
        CLOSING_MS,
      ).unref();
    });
    // Without a listener, an error of the child (e.g. no memory to fork) would end the parent.
    this.#child.on("error", (error) =>
      this.#conversation.lose("not started", `the worker does not start: ${error.message}`),
    );
    this.#child.on("close", (code, signal) => {
      const how = signal ? `was killed by ${signal}` : `exited with code ${code}`;
      this.#conversation.lose(this.#causeOf(signal), `the worker ${how}${this.#said()}`);
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output = (this.#output + text).slice(-KEPT_OUTPUT);
      });
    }
  }

  get isCurrent(): boolean {
    return this.#exchange?.files === this.#inherited;
  }

  readResults(into: readonly Values[]): void {
    if (!this.#exchange) throw new Error("a worker without an exchange of arrays has no results");
    this.#exchange.readResults(into);
  }

  request(message: Request, timeoutMs: number): Promise<Outcome> {
    return this.#conversation.request(message, (text) => this.#channel.write(`${text}\n`), timeoutMs);
  }

  /**
   * Ends the process at once; native code reacts to no other signal. What it started ends with it: a program that keeps
   * our pipes open would keep us, too.
   */
  kill(): void {
    const { pid } = this.#child;
    try {
      if (pid !== undefined) process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended already.
    }
  }

  /** The reason for an abort, which V8 prints before a long trace of its own functions. */
  get #fatal(): string | undefined {
    return /^FATAL ERROR: .*$/m.exec(this.#output)?.[0];
  }

  #causeOf(signal: NodeJS.Signals | null): Crash["cause"] {
    if (this.#fatal) return "memory";
    if (!signal) return "exited";
    return signal === "SIGKILL" || signal === "SIGTERM" ? "ended by force" : "native";
  }

  #said(): string {
    const output = this.#fatal ?? this.#output.replaceAll(/\s+/g, " ").trim().slice(-SHOWN_OUTPUT);
    return output ? `; it last printed: ${output}` : "";
  }
}
