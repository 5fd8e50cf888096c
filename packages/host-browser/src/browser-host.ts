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
    const whole = new Uint8Array(bytes);
    let [start, filled] = [0, 0];
    for (const { buffer, byteOffset, byteLength } of this.#held?.arrays ?? []) {
      const first = Math.max(0, from + filled - start);
      const count = Math.min(byteLength - first, bytes - filled);
      if (count > 0) {
        whole.set(new Uint8Array(buffer, byteOffset + first, count), filled);
        filled += count;
      }
      start += byteLength;
    }
    return filled === bytes ? whole : undefined;
  }
}
