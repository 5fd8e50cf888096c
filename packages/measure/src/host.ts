import type { NamedArrays, Values } from "./arrays.js";
import type { Reply, Request } from "./protocol.js";

/**
 * Where backends run: processes of some JavaScript engine, pages of a browser … A host starts workers, passes requests and arrays on, and
 * gets the better of workers that die, hang or send nonsense. How arrays travel is its own business.
 */
export interface Host {
  /** The name that users type: `node`. */
  readonly id: string;
  /** Starts a worker; whether that works shows in its first reply. @param environment variables that it starts with */
  connect(environment: Readonly<Record<string, string>>): Connection;
  /** Holds inputs for workers to read, until others take their place. @throws NoRoomError if there is no room for them */
  holdInputs(inputs: NamedArrays): void;
  /** Makes room for arrays. Workers that were connected before are no longer current. @returns whether there is more room now */
  makeRoom(): boolean;
}

/** One worker. */
export interface Connection {
  /** Whether it sees the inputs that its host holds; one that does not has to be replaced. */
  readonly isCurrent: boolean;
  /** Sends one request, and waits for its reply, the end of the worker, or the time to run out. */
  request(message: Request, timeoutMs: number): Promise<Outcome>;
  /** Fills arrays with the results of the last request. @throws Error if the worker did not leave exactly those */
  readResults(into: readonly Values[]): void;
  /** Ends the worker at once. */
  kill(): void;
}

/** The death of a worker: the system did not start it, it ran out of memory of its own, it was killed, it failed in native code … */
export interface Crash {
  readonly cause: "not started" | "memory" | "ended by force" | "native" | "exited" | "protocol";
  readonly reason: string;
}

/** How a request ended. A worker that is not `answered` is dead and has to be replaced. */
export type Outcome =
  | { readonly kind: "answered"; readonly reply: Reply }
  | ({ readonly kind: "crashed" } & Crash)
  | { readonly kind: "timeout"; readonly reason: string };
