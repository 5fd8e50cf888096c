import type { Crash } from "@softmax-bench/measure";
import type { PagePeer } from "./pages.js";

/** A browser that opens measuring pages. */
export interface PageOpener {
  /** The name of the browser, for messages. */
  readonly name: string;
  /** True if opening a page takes seconds. */
  readonly isSlow?: boolean;
  /** Opens a page for a peer, until the signal aborts. @throws Error if that is impossible */
  open(peer: PagePeer, options: OpenPageOptions): Promise<void>;
}

export interface OpenPageOptions {
  readonly signal: AbortSignal;
  /** Receives the reason why the page is gone before its time. */
  readonly lose: (cause: Crash["cause"], reason: string) => void;
}
