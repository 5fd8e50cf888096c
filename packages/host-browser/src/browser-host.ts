import { type Connection, copyBytes, type Host, type NamedArrays, type Values } from "@softmax-bench/measure";
import { BrowserConnection } from "./browser-connection.js";
import type { PageOpener } from "./page-opener.js";

/** Workers in pages of a browser, one page each. Arrays go through HTTP. */
export class BrowserHost implements Host {
  readonly id: string;
  readonly isSlowToStart: boolean;
  readonly #opener: PageOpener;
  #held: { readonly id: string; readonly arrays: readonly Values[] } | undefined;

  /** @param id as users type it: `chromium` */
  constructor(id: string, opener: PageOpener) {
    this.id = id;
    this.isSlowToStart = opener.isSlow === true;
    this.#opener = opener;
  }

  connect(): Connection {
    return new BrowserConnection(this.#opener, (from, bytes) =>
      copyBytes(this.#held?.arrays ?? [], from, bytes),
    );
  }

  holdInputs({ id, make }: NamedArrays): void {
    if (this.#held?.id !== id) this.#held = { id, arrays: make() };
  }

  /** Arrays are in this process's memory: there is no other place for them. */
  makeRoom(): boolean {
    return false;
  }
}
