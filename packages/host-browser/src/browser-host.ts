import type { Connection, Host, NamedArrays, Values } from "@softmax-bench/measure";
import { BrowserConnection } from "./browser-connection.js";
import type { PageOpener } from "./page-opener.js";

/** Workers in pages of a browser, one page each. Arrays go through HTTP. */
export class BrowserHost implements Host {
  readonly id: string;
  readonly #opener: PageOpener;
  #held: { readonly id: string; readonly arrays: readonly Values[] } | undefined;

  /** @param id as users type it: `chromium` */
  constructor(id: string, opener: PageOpener) {
    this.id = id;
    this.#opener = opener;
  }

  connect(): Connection {
    return new BrowserConnection(this.#opener, (from, bytes) => this.#read(from, bytes));
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
