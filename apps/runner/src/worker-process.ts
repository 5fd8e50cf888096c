import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describeIssue } from "@softmax-bench/core/results";
import type { Exchange } from "./exchange.js";
import { type Reply, type Request, reply } from "./protocol.js";

const WORKER = fileURLToPath(new URL("./worker/main.js", import.meta.url));

/**
 * mitata allocates 8 MiB for every list of samples. In a nursery of the usual size that starts collections of
 * the whole heap among the samples; this one holds the arrays of several cells.
 */
const V8_FLAGS = ["--expose-gc", "--min-semi-space-size=64", "--max-semi-space-size=64"];

/** What a worker printed last, for the cell that it died in. */
const KEPT_OUTPUT = 600;

/** How a request ended. A worker that is not `answered` is dead and has to be replaced. */
export type Outcome =
  | { readonly kind: "answered"; readonly reply: Reply }
  | { readonly kind: "crashed"; readonly reason: string }
  | { readonly kind: "timeout"; readonly reason: string };

/** The parent's hold on one measuring process. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  #output = "";

  /**
   * @param environment variables that it starts with, besides ours
   * @param exchange files that it inherits, if it is to compute
   */
  constructor(environment: Readonly<Record<string, string>>, exchange?: Exchange) {
    this.#child = fork(WORKER, {
      serialization: "advanced",
      execArgv: V8_FLAGS,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe", "ipc", exchange?.inputs ?? "ignore", exchange?.results ?? "ignore"],
    });
    // Without a listener, an error of the child (say, no memory to fork) would end the parent.
    this.#child.on("error", (error) => this.#keep(error.message));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => this.#keep(text));
    }
  }

  /** Sends one request and waits for its reply, the worker's death, or the time to run out. */
  request(message: Request, timeoutMs: number): Promise<Outcome> {
    const child = this.#child;
    return new Promise((resolve) => {
      const finish = (outcome: Outcome) => {
        clearTimeout(timer);
        child.off("message", onMessage).off("close", onClose);
        resolve(outcome);
      };
      const onMessage = (value: unknown) => {
        const parsed = reply.safeParse(value);
        if (parsed.success) return finish({ kind: "answered", reply: parsed.data });
        this.kill();
        finish({
          kind: "crashed",
          reason: `the worker spoke nonsense: ${describeIssue(parsed.error, value)}`,
        });
      };
      const onClose = (code: number | null, signal: string | null) => {
        const end = signal ? `was killed by ${signal}` : `exited with code ${code}`;
        finish({ kind: "crashed", reason: `the worker ${end}${this.#lastOutput()}` });
      };
      const timer = setTimeout(() => {
        this.kill();
        finish({ kind: "timeout", reason: `no result after ${timeoutMs / 1000} s${this.#lastOutput()}` });
      }, timeoutMs);
      child.on("message", onMessage).on("close", onClose);
      if (child.exitCode !== null || child.signalCode !== null) onClose(child.exitCode, child.signalCode);
      else child.send(message, () => {});
    });
  }

  /** Ends the process at once; a worker in native code does not hear anything gentler. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #keep(text: string): void {
    this.#output = (this.#output + text).slice(-KEPT_OUTPUT);
  }

  #lastOutput(): string {
    const output = this.#output.trim();
    return output ? `; it last printed: ${output}` : "";
  }
}
