import type { Crash, Outcome } from "./host.js";
import type { Request } from "./protocol.js";
import { excerpt, formatTimeout, parseReply } from "./reply.js";

/** The worker at the other end of a conversation. */
interface Peer {
  /** The word for it in reasons, such as `worker`. */
  readonly name: string;
  /** Ends it by force. */
  kill(): void;
  /** Its last output, for the reason why it was too late; empty if there is none. */
  said(): string;
}

/** Requests to a worker, one at a time, each with one reply, until the worker is lost. */
export class Conversation {
  readonly #peer: Peer;
  /** The callback that waits for a reply. */
  #finish: ((outcome: Outcome) => void) | undefined;
  /** The reason why there will be no more replies. */
  #lost: Crash | undefined;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  get isOver(): boolean {
    return this.#lost !== undefined;
  }

  /**
   * Sends a request as JSON, and waits for its reply, the worker's death, or the timeout.
   *
   * @throws TypeError if the request has a number that JSON cannot hold
   */
  request(message: Request, send: (text: string) => void, timeoutMs: number): Promise<Outcome> {
    const text = JSON.stringify(message, requireFinite);
    return new Promise((resolve) => {
      if (this.#lost) return resolve({ kind: "crashed", ...this.#lost });
      const timer = setTimeout(() => {
        const reason = `no result after ${formatTimeout(timeoutMs)}${this.#peer.said()}`;
        this.#lost = { cause: "ended by force", reason };
        this.#peer.kill();
        this.#finish?.({ kind: "timeout", reason });
      }, timeoutMs);
      this.#finish = (outcome) => {
        clearTimeout(timer);
        this.#finish = undefined;
        resolve(outcome);
      };
      send(text);
    });
  }

  /** Receives a line from the worker: a reply, or a fault. */
  hear(line: string): void {
    if (this.#lost) return;
    const { name } = this.#peer;
    const parsed = parseReply(line);
    if (!this.#finish) this.lose("protocol", `unexpected message from the ${name}: ${excerpt(line)}`);
    else if (typeof parsed === "string") this.lose("protocol", `invalid reply from the ${name}: ${parsed}`);
    else this.#finish({ kind: "answered", reply: parsed });
  }

  /** Ends the conversation, and the worker; only the first reason counts. */
  lose(cause: Crash["cause"], reason: string): void {
    if (this.#lost) return;
    this.#lost = { cause, reason };
    this.#peer.kill();
    this.#finish?.({ kind: "crashed", cause, reason });
  }
}

/** A replacer: JSON would turn a number that is not finite into null. */
function requireFinite(name: string, value: unknown): unknown {
  if (typeof value !== "number" || Number.isFinite(value)) return value;
  throw new TypeError(`expected finite numbers in a request, got ${value} as ${name}`);
}
