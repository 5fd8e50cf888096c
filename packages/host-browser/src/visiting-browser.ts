import type { OpenPageOptions, PageOpener } from "./page-opener.js";
import type { PagePeer, Pages } from "./pages.js";

/** A request to the page of a visitor: open a measuring page beside it, or close it. */
export interface FrameRequest {
  readonly type: "open" | "close";
  /** The path of the measuring page. */
  readonly path: string;
}

/** A browser that its user has led here: its page shows each measuring page in a frame of its own. */
export class VisitingBrowser implements PageOpener {
  readonly name: string;
  readonly #pages: Pages;
  readonly #send: (request: FrameRequest) => void;

  /** @param send passes a request to the page of the visitor */
  constructor(name: string, pages: Pages, send: (request: FrameRequest) => void) {
    this.name = name;
    this.#pages = pages;
    this.#send = send;
  }

  async open(peer: PagePeer, { signal }: OpenPageOptions): Promise<void> {
    const { path, forget } = this.#pages.admit(peer);
    signal.addEventListener("abort", () => {
      forget();
      this.#send({ type: "close", path });
    });
    this.#send({ type: "open", path });
  }
}
