import type { NamedArrays, Values } from "./arrays.js";
import type { Reply, Request } from "./protocol.js";

/**
 * A place where backends run: processes of some JavaScript engine, pages of a browser … A host starts workers, forwards
 * requests and arrays, and handles workers that die, hang or send nonsense. The transport of arrays is its own
 * business.
 */
export interface Host {
  /** True if a start takes seconds, as that of a browser does. */
  readonly isSlowToStart?: boolean;
  /** The name that users type: `node`. */
  readonly id: string;
  /** Starts a worker. Its first reply shows whether that succeeded. @param environment variables that it starts with */
  connect(environment: Readonly<Record<string, string>>): Connection;
  /** Holds inputs for workers to read, until others replace them. @throws NoRoomError if there is no room for them */
  holdInputs(inputs: NamedArrays): void;
  /**
   * Makes room for arrays. Workers that were connected before are no longer current.
   * @returns whether there is more room now
   */
  makeRoom(): boolean;
}

/** One worker. */
export interface Connection {
  /** True if it sees the inputs that its host holds. Otherwise it has to be replaced. */
  readonly isCurrent: boolean;
  /** Bytes of the files that a page has fetched, compressed; undefined for a process, which fetches none. */
  readonly downloadBytes?: number | undefined;
  /** Sends one request, and waits for its reply, the end of the worker, or the timeout. */
  request(message: Request, timeoutMs: number): Promise<Outcome>;
  /** Fills arrays with the results of the last request. @throws Error if the worker left other ones */
  readResults(into: readonly Values[]): void;
  /** Ends the worker at once. */
  kill(): void;
}

/**
 * The death of a worker: the system did not start it, it ran out of memory of its own, it was killed, it failed in
 * native code …
 */
export interface Crash {
  readonly cause: "not started" | "memory" | "ended by force" | "native" | "exited" | "protocol";
  readonly reason: string;
}

/** The outcome of a request. A worker that is not `answered` is dead and has to be replaced. */
export type Outcome =
  | { readonly kind: "answered"; readonly reply: Reply }
  | ({ readonly kind: "crashed" } & Crash)
  | { readonly kind: "timeout"; readonly reason: string };
