import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type PagePeer, Pages } from "./pages.js";

/**
 * Serves the measuring page on loopback. A client that knows a token receives its files and its peer's data, and
 * nothing else.
 */
export class PageServer {
  readonly #server: Server;
  readonly #pages: Pages;
  #address: Promise<string> | undefined;

  /** @param folder the build output of the page */
  constructor(folder: string) {
    this.#pages = new Pages(folder);
    this.#server = createServer((request, response) => {
      this.#pages.answer(request, response).then(
        (isAnswered) => {
          if (!isAnswered) response.writeHead(404).end();
        },
        (error) => response.destroy(error instanceof Error ? error : undefined),
      );
    });
    this.#server.unref();
  }

  /** Expects a page of its own for a peer. @returns its address, and a function that releases it */
  async admit(peer: PagePeer): Promise<{ readonly address: string; readonly forget: () => void }> {
    this.#address ??= new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(0, "127.0.0.1", () => {
        resolve(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
      });
    });
    const origin = await this.#address;
    const { path, forget } = this.#pages.admit(peer);
    return { address: `${origin}${path}`, forget };
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
