import type { Progress, Wanted } from "../../page/src/visitor/form.js";

/** The messages of the site's workers. One script serves both roles; the first message says which. */
export type Role = ParentRole | MeasuringRole;

/** Runs the matrix, and judges it. */
export interface ParentRole {
  readonly role: "parent";
  readonly wanted: Wanted;
}

/** Serves one backend, as one of its processes does elsewhere. */
export interface MeasuringRole {
  readonly role: "measuring";
  /** The address of the page. */
  readonly base: string;
  /** Time when the worker was started, in milliseconds since the epoch. */
  readonly openedAt: number;
  /** Connects it with the parent. */
  readonly port: MessagePort;
}

/** The first message of each worker to the page, which then sends its role. */
export interface Loaded {
  readonly type: "loaded";
}

/** From the parent to the page, which starts all workers: the parent and a measuring worker have a port between them. */
export type ParentEvent =
  | ({ readonly type: "progress" } & Progress)
  | { readonly type: "start"; readonly id: number; readonly port: MessagePort }
  | { readonly type: "end"; readonly id: number }
  | { readonly type: "done"; readonly results: string; readonly summary: string }
  | { readonly type: "failed"; readonly reason: string };

/** From the page to the parent: a measuring worker cannot go on. */
export interface WorkerLost {
  readonly type: "lost";
  readonly id: number;
  readonly reason: string;
}

/** From the parent to a measuring worker. */
export type ToMeasuring =
  | { readonly type: "request"; readonly request: string }
  | { readonly type: "inputs"; readonly bytes: Uint8Array | undefined };

/** From a measuring worker to the parent. */
export type FromMeasuring =
  | { readonly type: "reply"; readonly reply: string }
  | { readonly type: "read"; readonly from: number; readonly bytes: number }
  | { readonly type: "results"; readonly parts: readonly Uint8Array[] }
  | { readonly type: "failed"; readonly reason: string };
