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
/** The same while the page does not listen: browsers close a connection when the machine's network changes, and connect again. */
const RECONNECT_MS = 2000;
/** The time after which a page that does not begin to listen is opened again, in milliseconds. */
const LOADING_MS = 10_000;

/** The parent's end of one page in a browser. */
export class BrowserConnection implements Connection {
  readonly isCurrent = true;
  readonly #opener: PageOpener;
  readonly #peer: PagePeer;
  #events: ServerResponse | undefined;
  /** The last request. */
  #sent = { number: 0, text: "" };
  /** The number of the last request that was answered. */
  #answered = 0;
  #results: Uint8Array | undefined;
  /** Bytes of each file of the page after gzip. */
  readonly #downloads = new Map<string, number>();
  readonly #conversation = new Conversation({ name: "page", kill: () => this.#end(), said: () => "" });
  #page = new AbortController();
  #hasListened = false;
  /** Runs out when the page has been silent for too long. */
  #silence: NodeJS.Timeout | undefined;

  /** @param readInputs returns bytes of the inputs that the host holds */
  constructor(opener: PageOpener, readInputs: PagePeer["inputs"]) {
    this.#opener = opener;
    this.#peer = {
      seen: () => this.#watch(),
      listen: (response, received) => this.#listen(response, received),
      served: (name, compressed) => void this.#downloads.set(name, compressed),
      reply: (line, number) => this.#receive(line, number),
      fail: (message) => this.#conversation.lose("exited", `the page failed: ${shorten(message, 600)}`),
      inputs: readInputs,
      results: (bytes, number) => {
        if (number === this.#sent.number && number > this.#answered) this.#results = bytes;
      },
    };
    this.#open();
  }

  get downloadBytes(): number {
    return [...this.#downloads.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  request(message: Request, timeoutMs: number): Promise<Outcome> {
    this.#results = undefined;
    return this.#conversation.request(
      message,
      (text) => {
        this.#sent = { number: this.#sent.number + 1, text };
        this.#send();
      },
      timeoutMs,
    );
  }

  readResults(into: readonly Values[]): void {
    fillWithResults(into, this.#results);
  }

  kill(): void {
    this.#conversation.lose("ended by force", "the browser was ended");
  }

  #open(): void {
    const { signal } = this.#page;
    const lose: Conversation["lose"] = (cause, reason) => {
      if (!signal.aborted) this.#conversation.lose(cause, reason);
    };
    this.#opener
      .open(this.#peer, { signal, lose })
      .catch((error) => lose("not started", `${this.#opener.name} does not start: ${messageOf(error)}`));
    // A browser takes as long to start as a busy machine makes it: its page counts from its first request.
    if (!this.#opener.isSlow) this.#watch();
  }

  #end(): void {
    clearTimeout(this.#silence);
    this.#page.abort();
    this.#events?.destroy();
  }

  #listen(response: ServerResponse, received: number): void {
    const { number } = this.#sent;
    if (received < this.#answered) {
      this.#conversation.lose("exited", "the page was loaded again, and has lost its state");
    } else if (received > number) {
      this.#conversation.lose("protocol", `the page received request ${received} of ${number}`);
    }
    if (this.#conversation.isOver) {
      response.destroy();
      return;
    }
    const former = this.#events;
    this.#events = response;
    this.#hasListened = true;
    former?.end();
    response.on("close", () => {
      if (this.#events !== response) return;
      this.#events = undefined;
      this.#watch();
    });
    response.write(`retry: ${RECONNECT_MS / 20}\n\n`);
    if (received < number) this.#send();
    this.#watch();
  }

  /** Sends the last request, or leaves it until the page listens. */
  #send(): void {
    const { number, text } = this.#sent;
    this.#events?.write(`id: ${number}\ndata: ${text}\n\n`);
  }

  /** Receives a reply, which a page sends again if it does not know that it has arrived. */
  #receive(line: string, number: number): void {
    const { number: last } = this.#sent;
    if (number > last) {
      this.#conversation.lose("protocol", `the page replied to request ${number} of ${last}`);
    } else if (number === last && number > this.#answered) {
      this.#answered = number;
      this.#conversation.hear(line);
    }
  }

  /** Waits for the next sign of the page. */
  #watch(): void {
    clearTimeout(this.#silence);
    if (this.#conversation.isOver) return;
    const limit = this.#events ? SILENCE_MS : this.#hasListened ? RECONNECT_MS : LOADING_MS;
    this.#silence = setTimeout(() => this.#miss(), limit);
    this.#silence.unref();
  }

  #miss(): void {
    if (!this.#hasListened) {
      this.#page.abort();
      this.#page = new AbortController();
      this.#open();
    } else {
      // Firefox keeps the connection of a page whose process has crashed.
      const reason = this.#events
        ? `the page crashed: nothing was heard of it for ${SILENCE_MS / 1000} s`
        : "the page crashed, or was closed";
      this.#conversation.lose("exited", reason);
    }
  }
}
