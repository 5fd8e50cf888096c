import { createServer, request as forward, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { PageServer } from "@softmax-bench/host-browser";

/** The point of an exchange at which its connection is cut: the request is not read, is not answered, or is answered in part. */
export type CutPoint = "request" | "answer" | "middle";

export interface Cut {
  /** Matches the path below that of the page, without its query. */
  readonly path: RegExp;
  readonly at: CutPoint;
  /** The number of exchanges that are cut. */
  readonly times: number;
}

/** A server of pages whose browsers reach it through a network that cuts connections. */
export class FaultyNetwork extends PageServer {
  readonly #cuts: { readonly path: RegExp; readonly at: CutPoint; left: number }[];
  readonly #streams = new Set<ServerResponse>();
  readonly #proxy = createServer((request, response) => void this.#pass(request, response));
  #origin = "";
  /** The paths of the exchanges that were cut. */
  readonly done: string[] = [];

  constructor(folder: string, cuts: readonly Cut[]) {
    super(folder);
    this.#cuts = cuts.map(({ path, at, times }) => ({ path, at, left: times }));
  }

  override async admit(...peer: Parameters<PageServer["admit"]>) {
    const { address, forget } = await super.admit(...peer);
    const { origin, pathname } = new URL(address);
    this.#origin = origin;
    if (!this.#proxy.listening) {
      await new Promise<void>((resolve) => this.#proxy.listen(0, "127.0.0.1", resolve));
    }
    return { address: `http://127.0.0.1:${(this.#proxy.address() as AddressInfo).port}${pathname}`, forget };
  }

  /** Cuts every stream of requests. */
  cutStreams(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  override close(): void {
    super.close();
    this.#proxy.close();
    this.#proxy.closeAllConnections();
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = "/", headers } = request;
    const path = new URL(url, this.#origin).pathname.split("/").slice(2).join("/");
    const cut = this.#cuts.find((one) => one.left > 0 && one.path.test(path));
    if (cut) {
      cut.left--;
      this.done.push(path);
    }
    if (cut?.at === "request") return void request.socket.destroy();
    const passed = forward(new URL(url, this.#origin), { method, headers });
    passed.on("error", () => response.destroy());
    passed.on("response", async (answer) => {
      if (answer.headers["content-type"] === "text/event-stream") {
        this.#streams.add(response);
        response.on("close", () => {
          this.#streams.delete(response);
          passed.destroy();
        });
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
        return;
      }
      const body = await buffer(answer).catch(() => undefined);
      if (!body) return void response.destroy();
      if (cut?.at === "answer") return void request.socket.destroy();
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      if (cut) response.write(body.subarray(0, body.length / 2), () => request.socket.destroy());
      else response.end(body);
    });
    request.pipe(passed);
  }
}
