import type { Connection, Host, NamedArrays, Values } from "@softmax-bench/measure";
import { BrowserConnection } from "./browser-connection.js";
import type { Browser } from "./browsers.js";
import type { PageServer } from "./page-server.js";

/** Workers in pages of a browser, each in a process and with a profile of its own. Arrays go through HTTP on loopback. */
export class BrowserHost implements Host {
  readonly id: string;
  readonly #browser: Browser;
  readonly #server: PageServer;
  #held: { readonly id: string; readonly arrays: readonly Values[] } | undefined;

  /** @param id as users type it: `chromium` */
  constructor(id: string, browser: Browser, server: PageServer) {
    this.id = id;
    this.#browser = browser;
    this.#server = server;
  }

  connect(): Connection {
    return new BrowserConnection(this.#browser, this.#server, (from, bytes) => this.#read(from, bytes));
  }

  holdInputs({ id, make }: NamedArrays): void {
    if (this.#held?.id !== id) this.#held = { id, arrays: make() };
  }

  /** Arrays are in this process's memory: there is no other place for them. */
  makeRoom(): boolean {
    return false;
  }

  #read(from: number, bytes: number): Uint8Array | undefined {
    const arrays = this.#held?.arrays ?? [];
    if (from + bytes > arrays.reduce((sum, { byteLength }) => sum + byteLength, 0)) return undefined;
    const part = new Uint8Array(bytes);
    let start = 0;
    for (const { buffer, byteOffset, byteLength } of arrays) {
      const [first, end] = [Math.max(from, start), Math.min(from + bytes, start + byteLength)];
      if (first < end)
        part.set(new Uint8Array(buffer, byteOffset + first - start, end - first), first - from);
      start += byteLength;
    }
    return part;
  }
}
