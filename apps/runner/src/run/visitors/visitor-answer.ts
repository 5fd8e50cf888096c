import type { ServerResponse } from "node:http";
import type { FrameRequest } from "@softmax-bench/host-browser";
import type { Progress } from "./progress.js";

/** A line of the answer to a visitor's request. */
export type VisitorEvent =
  | FrameRequest
  | Progress
  | { readonly type: "done"; readonly run: string }
  | { readonly type: "failed"; readonly reason: string };

/** The time after which a page whose connection was cut is gone, in milliseconds. */
const RECONNECT_MS = 3000;

/** The answer to a visitor's request, a line for each event. It outlasts connections that are cut: the page asks for the rest of it. */
export class VisitorAnswer {
  /** The page's name for its request, which no other page knows. */
  readonly id: string;
  readonly #lines: string[] = [];
  readonly #stopped = new AbortController();
  #response: ServerResponse | undefined;
  #absence: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(id: string) {
    this.id = id;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Aborts when the page does not want the run any more. */
  get signal(): AbortSignal {
    return this.#stopped.signal;
  }

  send(event: VisitorEvent): void {
    const line = `${JSON.stringify(event)}\n`;
    this.#lines.push(line);
    this.#response?.write(line);
  }

  /** Sends the rest by another response. @param received the number of lines that the page has, as it says */
  continue(response: ServerResponse, received: number): void {
    clearTimeout(this.#absence);
    const former = this.#response;
    this.#response = response;
    former?.end();
    response.on("close", () => {
      if (this.#response !== response) return;
      this.#response = undefined;
      this.#absence = setTimeout(() => this.stop("its page was closed"), RECONNECT_MS);
      this.#absence.unref();
    });
    response.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
    response.flushHeaders();
    response.write(this.#lines.slice(received).join(""));
    if (this.#isOver) response.end();
  }

  stop(reason: string): void {
    this.#stopped.abort(new Error(reason));
  }

  end(): void {
    this.#isOver = true;
    this.#response?.end();
  }
}
