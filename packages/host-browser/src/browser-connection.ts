import type { ChildProcess } from "node:child_process";
import type { ServerResponse } from "node:http";
import { messageOf, shorten } from "@softmax-bench/core";
import {
  type Connection,
  Conversation,
  type Outcome,
  type Request,
  type Values,
} from "@softmax-bench/measure";
import { BROWSERS, type Browser } from "./browsers.js";
import { launch } from "./launch.js";
import type { PagePeer, PageServer } from "./page-server.js";

/** The time without a heartbeat after which a page is gone, in milliseconds. A page sends one every few seconds. */
const SILENCE_MS = 12_000;

/** The length of the browser's last output that is kept, in characters. */
const KEPT_OUTPUT = 600;

/** The parent's end of one page in a browser of its own. */
export class BrowserConnection implements Connection {
  readonly isCurrent = true;
  #child: ChildProcess | undefined;
  #events: ServerResponse | undefined;
  /** A request that was sent before the page listened. */
  #waiting: string | undefined;
  #results: Uint8Array | undefined;
  #downloadBytes = 0;
  #output = "";
  readonly #conversation = new Conversation({ name: "page", kill: () => this.#end(), said: () => "" });
  #forget = () => {};
  /** The time of the page's last message, in milliseconds. */
  #seenAt = 0;
  #watch: NodeJS.Timeout | undefined;

  /** @param readInputs returns bytes of the inputs that the host holds */
  constructor(browser: Browser, server: PageServer, readInputs: PagePeer["inputs"]) {
    const name = BROWSERS[browser.kind].name;
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
    server
      .admit(peer)
      .then(({ address, forget }) => {
        this.#forget = forget;
        if (!this.#conversation.isOver) this.#start(launch(browser, address), name);
      })
      .catch((error) =>
        this.#conversation.lose("not started", `${name} does not start: ${messageOf(error)}`),
      );
  }

  get downloadBytes(): number {
    return this.#downloadBytes;
  }

  request(message: Request, timeoutMs: number): Promise<Outcome> {
    this.#results = undefined;
    const text = JSON.stringify(message);
    return this.#conversation.request(() => {
      if (this.#events) this.#send(text);
      else this.#waiting = text;
    }, timeoutMs);
  }

  readResults(into: readonly Values[]): void {
    const expected = into.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const bytes = this.#results;
    if (bytes?.length !== expected) {
      throw new Error(`expected results of ${expected} bytes, the page sent ${bytes?.length ?? 0}`);
    }
    let start = 0;
    for (const { buffer, byteOffset, byteLength } of into) {
      new Uint8Array(buffer, byteOffset, byteLength).set(bytes.subarray(start, start + byteLength));
      start += byteLength;
    }
  }

  kill(): void {
    this.#conversation.lose("ended by force", "the browser was ended");
    this.#events?.destroy();
  }

  #end(): void {
    clearInterval(this.#watch);
    this.#forget();
    this.#child?.kill("SIGTERM");
  }

  #start(child: ChildProcess, name: string): void {
    this.#child = child;
    child.on("error", (error) =>
      this.#conversation.lose("not started", `${name} does not start: ${error.message}`),
    );
    child.on("exit", (code, signal) => {
      const how = signal ? `was killed by ${signal}` : `ended with code ${code}`;
      const output = this.#output.replaceAll(/\s+/g, " ").trim().slice(-KEPT_OUTPUT);
      this.#conversation.lose("exited", `${name} ${how}${output ? `; it last printed: ${output}` : ""}`);
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output = (this.#output + text).slice(-4 * KEPT_OUTPUT);
      });
    }
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
