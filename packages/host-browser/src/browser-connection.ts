import type { ServerResponse } from "node:http";
import { messageOf, shorten } from "@softmax-bench/core";
import {
  type Connection,
  Conversation,
  fillWithResults,
  type Outcome,
  type Request,
  type Values,
} from "@softmax-bench/measure";
import type { PageOpener } from "./page-opener.js";
import type { PagePeer } from "./pages.js";

/** The time without a heartbeat after which a page is gone, in milliseconds. A page sends one every few seconds. */
const SILENCE_MS = 20_000;

/** The parent's end of one page in a browser. */
export class BrowserConnection implements Connection {
  readonly isCurrent = true;
  #events: ServerResponse | undefined;
  /** A request that was sent before the page listened. */
  #waiting: string | undefined;
  #results: Uint8Array | undefined;
  #downloadBytes = 0;
  readonly #conversation = new Conversation({ name: "page", kill: () => this.#end(), said: () => "" });
  readonly #page = new AbortController();
  /** The time of the page's last message, in milliseconds. */
  #seenAt = 0;
  #watch: NodeJS.Timeout | undefined;

  /** @param readInputs returns bytes of the inputs that the host holds */
  constructor(opener: PageOpener, readInputs: PagePeer["inputs"]) {
    const peer: PagePeer = {
      listen: (response) => this.#listen(response),
      heartbeat: () => {
        this.#seenAt = performance.now();
      },
      served: (compressed) => {
        this.#downloadBytes += compressed;
      },
      reply: (line) => this.#conversation.hear(line),
      fail: (message) => this.#conversation.lose("exited", `the page failed: ${shorten(message, 600)}`),
      inputs: readInputs,
      results: (bytes) => {
        this.#results = bytes;
      },
    };
    const lose = this.#conversation.lose.bind(this.#conversation);
    opener
      .open(peer, { signal: this.#page.signal, lose })
      .catch((error) => lose("not started", `${opener.name} does not start: ${messageOf(error)}`));
  }

  get downloadBytes(): number {
    return this.#downloadBytes;
  }

  request(message: Request, timeoutMs: number): Promise<Outcome> {
    this.#results = undefined;
    return this.#conversation.request(
      message,
      (text) => {
        if (this.#events) this.#send(text);
        else this.#waiting = text;
      },
      timeoutMs,
    );
  }

  readResults(into: readonly Values[]): void {
    fillWithResults(into, this.#results);
  }

  kill(): void {
    this.#conversation.lose("ended by force", "the browser was ended");
    this.#events?.destroy();
  }

  #end(): void {
    clearInterval(this.#watch);
    this.#page.abort();
  }

  #listen(response: ServerResponse): void {
    this.#events = response;
    this.#seenAt = performance.now();
    // Firefox keeps the connection of a page whose process has crashed.
    this.#watch = setInterval(() => {
      if (performance.now() - this.#seenAt > SILENCE_MS) {
        this.#conversation.lose(
          "exited",
          `the page crashed: nothing was heard of it for ${SILENCE_MS / 1000} s`,
        );
      }
    }, SILENCE_MS / 4);
    this.#watch.unref();
    response.on("close", () => this.#conversation.lose("exited", "the page crashed, or was closed"));
    if (this.#waiting !== undefined) this.#send(this.#waiting);
    this.#waiting = undefined;
  }

  #send(text: string): void {
    this.#events?.write(`data: ${text}\n\n`);
  }
}
